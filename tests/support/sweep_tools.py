"""What the tests of sweeps share: a small CLIP for the demo data, the command line of a sweep, its records."""
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from unittest import mock

import torch
from small_clip import small_clip_state

from experiments import run

VOLATILE = ("date", "seconds", "peak_memory_mb")  # what may differ between two records of the same evaluation


def small_setting(folder):
    """KEY VALUE pairs that make a demo run last seconds: a small random CLIP, one image a class, two epochs."""
    torch.save(small_clip_state(), folder / "clip.pt")
    return ["MODEL.BACKBONE.NAME", str(folder / "clip.pt"), "INPUT.SIZE", "(32, 32)", "DATASET.NUM_SHOTS", "1",
            "OPTIM.MAX_EPOCH", "2", "MAO.NEW.MAX_EPOCH", "0", "MAO.SIMILARITY", "clip",
            "DATALOADER.NUM_WORKERS", "0", "TRAIN.PRINT_FREQ", "1"]


def environment(folder):
    """Environment of a sweep on the bundled data that all tests share, whose output goes to ``folder``."""
    return {**os.environ, "DATA": os.environ["BUNDLED_ROOT"], "OUTPUT": str(folder), "OMP_NUM_THREADS": "1",
            "DASSL_ENGINE": "bundled", "MAO_CACHE": str(folder.parent / "cache"), "HF_HUB_OFFLINE": "1",
            "RAY_worker_niceness": "0"}  # 15 by default: beside other tests its jobs would hardly go on


def command(words, pairs):
    return [sys.executable, "-m", "experiments.sweep", *words.split(), *pairs]


def sweep(repository, folder, words, pairs, **changes):
    return subprocess.run(command(words, pairs), cwd=repository, env={**environment(folder), **changes},
                          capture_output=True, text=True, timeout=300)


def records(folder):
    """{folder relative to the output: its records of evaluations, without what may differ}."""
    found = {}
    for path in sorted(Path(folder).rglob("results.jsonl")):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        found[str(path.parent.relative_to(folder))] = [
            {key: value for key, value in line.items() if key not in VOLATILE} for line in lines]
    return found


# Scripts for single runs

def without_settings():
    """The environment without what chooses the runs of a script."""
    return {key: value for key, value in os.environ.items()
            if key not in ("DATA", "OUTPUT", "SHOTS", "CFG", "SEED", "SOURCE", "TARGETS")}


def train_calls(repository, folder, script, *words, **settings):
    """Words that train.py gets from a bash script, a list for each call; OUTPUT is ``out`` unless the settings say so.

    The script runs with an interpreter that only writes down what it is given, into ``folder``.
    """
    recorder = folder / "python"
    version = '[ "$1" != -c ] || exec echo True'
    recorder.write_text(f'#!/bin/bash\n{version}\nprintf "%s\\n" "${{*@Q}}" >> {folder}/calls\n')
    recorder.chmod(0o755)
    (folder / "calls").write_text("")
    settings = {**without_settings(), "OUTPUT": "out", **settings}
    subprocess.run(["bash", str(repository / "scripts" / script), *words], check=True, cwd=folder,
                   env={**settings, "PYTHON": str(recorder)})
    (module, name, *arguments), = [shlex.split(line) for line in (folder / "calls").read_text().splitlines()]
    assert (module, name) == ("-m", "experiments.run")
    args = run.parse_arguments(arguments)
    with mock.patch.dict(os.environ, settings, clear=True):
        return [[*job.program, *job.arguments()] for job in run.jobs_of(args.protocol, args.trainer, args.words)]


def run_script(repository, folder, script, *words, **settings):
    """Run a bash script with this Python, and its output in ``folder``."""
    return subprocess.run(["bash", str(repository / "scripts" / script), *words], capture_output=True, text=True,
                          env={**environment(folder), "PYTHON": sys.executable, **settings}, timeout=300)
