"""Run one protocol for one method, data set and seed, live in the terminal: what ``scripts/<method>/*.sh`` call.

    python -m experiments.run base2new CoOp_MAO pictograms 1 [KEY VALUE ...]

The runs lie where a sweep puts them; train.py goes on with one that was stopped and skips one that is done.
Settings in the environment:
    DATA     folder of the data sets (./data)          OUTPUT   folder of everything that is written (output)
    SHOTS    training images per class (16)            CFG      setting: a yaml in configs/trainers/<Trainer>/
    SOURCE   data set whose prompts are tested elsewhere (imagenet)
    TARGETS  its variants, for domain generalisation (imagenetv2 imagenet_sketch imagenet_a imagenet_r)
    SEED     of zeroshot, where it only names the record (1)
"""
import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import train
from compat.errors import UserError, exit_code
from experiments.catalogue import DATASETS, METHODS, PAPER_SOURCE, ROOT, WITH_CONTROLS, configs_of, variants_of
from experiments.sweep import protocols
from experiments.sweep.job import Job
from experiments.sweep.options import Options, check_known, dataset_configs, split_pairs, whole_number

# Name: words that it takes behind the trainer's, and function of the options to its jobs.
PROTOCOLS: dict[str, tuple[str, Callable[[Options], list[Job]]]] = {
    "zeroshot": ("DATASET [all|base|new]",
                 lambda options: [protocols.zero_shot(options, options.datasets[0], options.classes)]),
    "base2new_train": ("DATASET SEED", lambda options: protocols.base_to_new(options)[:1]),
    "base2new_test": ("DATASET SEED", lambda options: protocols.base_to_new(options)[1:2]),
    "base2new": ("DATASET SEED", protocols.base_to_new),
    "base2new_step1": ("DATASET SEED", lambda options: protocols.base_to_new(options)[:1]),
    "base2new_step2": ("DATASET SEED", lambda options: protocols.base_to_new(options)[2:]),
    "xd_train": ("SEED", lambda options: protocols.cross_dataset(options)[:1]),
    "xd_test": ("DATASET SEED", lambda options: protocols.cross_dataset(options)[1:]),
    "dg_test": ("SEED", lambda options: protocols.cross_dataset(options)[1:]),
    "few_shot": ("DATASET SEED", protocols.few_shot),
}


def jobs_of(script: str, trainer: str, arguments: Sequence[str]) -> list[Job]:
    """The runs that a command line asks for, in their order.

    Args:
        script: path of the caller, which is named after its protocol. trainer: "" where it is the first of the
            arguments. arguments: words of the protocol, then KEY VALUE pairs.

    Raises:
        UserError: there are too few or too many words, or one of them is unknown.
    """
    name = Path(script).stem
    check_known("protocol", [name], PROTOCOLS)
    synopsis, make_jobs = PROTOCOLS[name]
    synopsis = synopsis if trainer else f"TRAINER {synopsis}"
    words, pairs = split_pairs(arguments)
    keys = synopsis.split()
    if not sum(not key.startswith("[") for key in keys) <= len(words) <= len(keys):
        raise UserError(f"{len(words)} words do not fit, usage: bash {script} {synopsis} [KEY VALUE ...]")
    given = {**os.environ, "TRAINER": trainer, **dict(zip(keys, words, strict=False))}
    datasets = [given["DATASET"]] if "DATASET" in keys else (
        given.get("TARGETS", "").split() or list(configs_of(variants_of(PAPER_SOURCE))))
    source = given.get("SOURCE") or DATASETS[PAPER_SOURCE].config
    classes = given.get("[all|base|new]", "all")
    check_known("classes", [classes], ("all", "base", "new"))
    check_known("data set", [source, *datasets], dataset_configs())
    if not given.get("CFG"):
        check_known("trainer", [given["TRAINER"]], WITH_CONTROLS if name.startswith("base2new") else METHODS)
    jobs = make_jobs(Options(
        [given["TRAINER"]], datasets, [whole_number("SEED", given.get("SEED") or "1", least=0)], source,
        whole_number("SHOTS", given.get("SHOTS") or "16"), setting=given.get("CFG", ""), classes=classes,
        root=given.get("DATA") or "./data", output=given.get("OUTPUT") or "output", pairs=pairs))
    if not jobs:
        raise UserError(f"{given['TRAINER']} has one step: give a trainer that ends in _MAO")
    return jobs


def run(jobs: Sequence[Job]) -> int:
    """Run jobs one after another up to the first that fails; its exit code."""
    if len(jobs) == 1:
        return train.main(jobs[0].arguments())
    for job in jobs:  # each in a process of its own
        code = subprocess.run([sys.executable, *job.program, *job.arguments()], cwd=ROOT).returncode
        if code:
            return code
    return 0


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m experiments.run", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--trainer", default="", help="trainer of the protocol (default: the word behind it)")
    parser.add_argument("protocol", help=f"one of {', '.join(PROTOCOLS)}, or the path of a script of that name")
    parser.add_argument("words", nargs=argparse.REMAINDER, help="[TRAINER] [DATASET] [SEED] [KEY VALUE ...]")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_arguments(argv)
    return exit_code(lambda: run(jobs_of(args.protocol, args.trainer, args.words)))


if __name__ == "__main__":
    sys.exit(main())
