"""Kills runs at random moments, starts them again, and compares what they leave with undisturbed runs.

    python -m benchmarks.faults --kills 20 [--trainers CoOp CoOp_MAO sweep] [--seed 0]

On the bundled data and CLIP, with one image per class and two epochs. What is killed, in turn and in random order: each
run of the base-to-new protocol (for MAO both steps), and a sweep over CoOp and CoOp_MAO. A run is killed by SIGKILL, at
a moment drawn between the birth of its folder and its end, and started again at once. Compared are all parameters, the
records without date, seconds and memory, and which files there are. Exit code 1 if anything differs.
"""
import argparse
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from compat.errors import UserError, exit_code
from compat.tensor_files import read_tensors
from experiments.catalogue import METHODS
from experiments.sweep import protocols
from experiments.sweep.job import Job
from experiments.sweep.options import Options, check_known

from .common import ROOT

SWEEP = "sweep"
IN_SWEEP = ["CoOp", "CoOp_MAO"]
PAIRS = ["OPTIM.MAX_EPOCH", "2", "MAO.POOL", "fewshot", "MAO.SIMILARITY", "clip", "DATALOADER.NUM_WORKERS", "1"]
VOLATILE = ("date", "seconds", "peak_memory_mb")


@dataclass
class Case:
    """A command that is killed.

    Attributes:
        command: words behind ``python`` that put everything below an output folder. runs: folders below it that are
            compared. needs: folders of finished runs that it starts from.
    """

    name: str
    command: Callable[[Path], list[str]]
    runs: list[str]
    needs: list[str]


def jobs_below(output: Path, data: str, methods: Sequence[str]) -> list[Job]:
    return protocols.base_to_new(Options(
        list(methods), ["pictograms"], [1], shots=1, root=data, output=str(output), pairs=PAIRS))


def cases_of(trainer: str, data: str) -> list[Case]:
    """One case per run of a trainer, or the sweep's."""
    def folder(job: Job) -> str:
        return os.path.relpath(job.folder, "output")

    jobs = jobs_below(Path("output"), data, IN_SWEEP if trainer == SWEEP else [trainer])
    if trainer == SWEEP:
        words = ["-m", "experiments.sweep", "table1", "--demo", "--methods", *IN_SWEEP, "--datasets", "pictograms",
                 "--seeds", "1", "--shots", "1", *PAIRS]
        return [Case(SWEEP, lambda output: words, [folder(job) for job in jobs], [])]

    def command(index: int) -> Callable[[Path], list[str]]:
        def words(output: Path) -> list[str]:
            job = jobs_below(output, data, [trainer])[index]
            return [*job.program, *job.arguments()]
        return words

    return [Case(job.what, command(index), [folder(job)], [folder(need) for need in job.needs])
            for index, job in enumerate(jobs)]


class Faults:
    """Undisturbed runs below ``<folder>/whole``, killed ones below ``<folder>/killed``."""

    def __init__(self, folder: Path, data: str, seed: int) -> None:
        self.whole, self.killed, self.log = folder / "whole", folder / "killed", folder / "log.txt"
        self.data, self.random = data, random.Random(seed)
        self.lasts: dict[str, float] = {}  # seconds from the birth of a run's folder to its end

    def start(self, case: Case, output: Path) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OUTPUT": str(output), "DATA": self.data}
        with open(self.log, "ab") as log:
            return subprocess.Popen([sys.executable, *case.command(output)], cwd=ROOT, stdout=log, stderr=log,
                                    env=environment)

    def born(self, case: Case, output: Path, process: subprocess.Popen[bytes]) -> float:
        """The time when the first folder of a case was there, or its process had ended."""
        while process.poll() is None and not (output / case.runs[0]).exists():
            time.sleep(0.01)
        return time.perf_counter()

    def make_whole(self, case: Case, all_cases: Sequence[Case]) -> None:
        """Run a case to its end without a disturbance, after those that it needs, unless that was done."""
        for run in [*case.needs, *(case.runs if case.name == SWEEP else [])]:
            self.make_whole(next(other for other in all_cases if other.runs == [run]), all_cases)
        if case.name == SWEEP:
            self.lasts[SWEEP] = sum(self.lasts[run] for run in case.runs)
        elif case.runs[0] not in self.lasts:
            process = self.start(case, self.whole)
            start = self.born(case, self.whole, process)
            if process.wait():
                raise UserError(f"{case.name} fails without a disturbance: see {self.log}")
            self.lasts[case.runs[0]] = time.perf_counter() - start

    def kill(self, case: Case) -> tuple[float, str]:
        """Kill a case once and start it again: (seconds after its folder's birth, what differs then or "")."""
        last = self.lasts[SWEEP if case.name == SWEEP else case.runs[0]]
        while True:
            shutil.rmtree(self.killed, ignore_errors=True)
            for run in case.needs:
                shutil.copytree(self.whole / run, self.killed / run)
            process = self.start(case, self.killed)
            start = self.born(case, self.killed, process)
            moment = self.random.uniform(0, last)
            time.sleep(moment)
            if process.poll() is None:
                break
            last = moment  # it was faster than the undisturbed one
        process.kill()
        process.wait()
        after = time.perf_counter() - start
        code = self.start(case, self.killed).wait()
        if code:
            return after, f"exit code {code} of the second start"
        return after, "; ".join(filter(None, (difference(self.whole / run, self.killed / run) for run in case.runs)))


def difference(whole: Path, killed: Path) -> str:
    """Names of the files of a run's folder that are missing, left over or differ."""
    one, other = contents(whole), contents(killed)
    names = [name for name in sorted({**one, **other}) if one.get(name, ...) != other.get(name, ...)]
    return f"{', '.join(names)} in {killed}" if names else ""


def contents(folder: Path) -> dict[str, object]:
    """What a run left: file name -> what has to be equal of the file."""
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: essence(path) for name, path in files.items()
            if not name.startswith(("tensorboard", "log.txt"))}


def essence(path: Path) -> object:
    """Parameters of a checkpoint, the records in a list of them (a repeated one counts once), the key in ``done``."""
    if ".pth.tar" in path.name:
        checkpoint = read_tensors(str(path))
        digest = hashlib.sha256()
        for key, value in sorted(checkpoint["state_dict"].items()):
            digest.update(key.encode() + value.numpy().tobytes())
        return checkpoint["epoch"], digest.hexdigest()
    if path.suffix == ".jsonl":
        records = [json.loads(line) for line in path.read_text().splitlines()]
        return list(dict.fromkeys(json.dumps({key: value for key, value in record.items() if key not in VOLATILE},
                                             sort_keys=True) for record in records))
    return path.read_text() if path.name == "done" else None


def run(options: argparse.Namespace) -> int:
    trained = [method.name for method in METHODS.values() if method.trains and not method.few_shot_alone]
    check_known("--trainers", options.trainers or [], [*trained, SWEEP])
    cases = {trainer: cases_of(trainer, options.data) for trainer in [*trained, SWEEP]}
    every = [case for listed in cases.values() for case in listed]
    with tempfile.TemporaryDirectory() as temporary:
        faults = Faults(Path(options.folder or temporary).resolve(), options.data, options.seed)
        faults.whole.mkdir(parents=True)
        turn: list[Case] = []
        equal = 0
        for number in range(1, options.kills + 1):
            if not turn:
                turn = [case for trainer in options.trainers or cases for case in cases[trainer]]
                faults.random.shuffle(turn)
            case = turn.pop()
            faults.make_whole(case, every)
            seconds, differs = faults.kill(case)
            equal += not differs
            print(f"{number}. {case.name}: killed {seconds:.2f} s after its start, {differs or 'equal'}", flush=True)
    print(f"{options.kills} kills, {equal} equal")
    return 0 if equal == options.kills else 1


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--trainers", nargs="+", help=f"trainers to kill, or {SWEEP} (default: all of them)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments and of the order")
    parser.add_argument("--folder", default="", help="where all runs are kept, a new folder (default: nowhere)")
    parser.add_argument("--data", default=str(ROOT / "data"))
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    return exit_code(lambda: run(parse_arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
