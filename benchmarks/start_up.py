"""CPU seconds that commands take to start, and evaluations of images that were seen.

    python -m benchmarks.start_up

All is measured in one call, alternating, and shown as ratios too. First whole processes, worker processes included, one
thread each: a zero-shot evaluation of Pictograms with an empty cache and again, a training of CoOp with a single image
per class, its test, a prediction with it, and commands that need no torch; beside them stands the import of torch
alone. Then the loop of CoOp's evaluation on a random CLIP of ViT-B/16's widths with --layers blocks in each tower, one
thread, its text features made before.
"""
import argparse
import contextlib
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median

import torch

from compat.errors import exit_code

from . import against_originals
from .common import ROOT, in_own_process

PICTOGRAMS = ["train.py", "--seed", "1", "--dataset-config-file", "configs/datasets/pictograms.yaml"]
ZERO_SHOT = [*PICTOGRAMS, "--trainer", "ZeroshotCLIP", "--eval-only",
             "--config-file", "configs/trainers/ZeroshotCLIP/mini.yaml"]
COOP = [*PICTOGRAMS, "--trainer", "CoOp", "--config-file", "configs/trainers/CoOp/mini.yaml", "DATASET.NUM_SHOTS", "1",
        "OPTIM.MAX_EPOCH", "1", "TEST.NO_TEST", "True", "DATALOADER.NUM_WORKERS", "0"]
IMAGE = "pictograms/images/test"  # below the folder of the data sets


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="data", help="folder of the data sets")
    parser.add_argument("--images", type=int, default=128, help="of the second measurement, each of its own class")
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--width", type=int, default=768, help="of the image tower")
    parser.add_argument("--side", type=int, default=224, help="of the images, in pixels")
    parser.add_argument("--rounds", type=int, default=2)
    return parser.parse_args(argv)


def cpu_seconds(words: Sequence[str], **environment: str) -> float:
    """CPU seconds of Python with some words, the processes that it starts included."""
    before = getrusage(RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
                   check=True, stdout=subprocess.DEVNULL)
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def starts(data: str) -> dict[str, float]:
    """CPU seconds of commands, by what they do."""
    data = os.path.abspath(data)
    with tempfile.TemporaryDirectory() as folder:
        def seconds(*words: str, output: str = "") -> float:
            place = ["--root", data, "--output-dir", f"{folder}/{output}"] if output else []
            return cpu_seconds([words[0], *place, *words[1:]], MAO_CACHE=folder)

        return {
            "import torch": seconds("-c", "import torch"),
            "zero-shot evaluation": seconds(*ZERO_SHOT, output="first"),
            "the same, images seen": seconds(*ZERO_SHOT, output="second"),
            "CoOp, 3 steps, no test": seconds(*COOP, output="coop"),
            "its test, images seen": seconds("train.py", "--eval-only", "--model-dir", f"{folder}/coop", *COOP[1:],
                                             output="test"),
            "prediction for one image": seconds(
                "scripts/predict.py", "--model-dir", f"{folder}/coop", "--output", f"{folder}/found.csv",
                str(next(Path(data, IMAGE).rglob("*.png")))),
            "train.py --help": seconds("train.py", "--help"),
            "predict.py --help": seconds("scripts/predict.py", "--help"),
            "tables.py --help": seconds("scripts/tables.py", "--help"),
        }


def evaluations(options: argparse.Namespace) -> list[float]:
    """CPU seconds of two evaluations of the same images in one process."""
    torch.set_num_threads(1)
    case = argparse.Namespace(**vars(options), classes=options.images, text_width=512)
    with tempfile.TemporaryDirectory() as cache, contextlib.redirect_stdout(io.StringIO()):
        os.environ["MAO_CACHE"] = cache
        seconds = []
        with against_originals.built("CoOp", "ours", case, pairs=(
                "USE_CUDA", "False", "DATALOADER.NUM_WORKERS", "0")) as trainer:
            trainer.set_model_mode("eval")
            with torch.no_grad():
                trainer.model.text_features()
            for _ in range(2):
                start = time.process_time()
                trainer.test()
                seconds.append(time.process_time() - start)
    return seconds


def run(options: argparse.Namespace) -> None:
    rounds = [(starts(options.data), in_own_process(evaluations, options)) for _ in range(options.rounds)]
    medians = {name: median(one[name] for one, _ in rounds) for name in rounds[0][0]}
    for name, value in medians.items():
        print(f"{name:26}{value:6.2f} s{value / medians['import torch']:8.2f} x import torch")
    unseen, seen = (median(values) for values in zip(*(two for _, two in rounds), strict=True))
    print(f"evaluation of {options.images} images: {unseen:.3f} s, and again {seen:.3f} s (ratio {unseen / seen:.0f})")


if __name__ == "__main__":
    sys.exit(exit_code(lambda: run(parse_arguments())))
