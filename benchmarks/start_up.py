"""CPU seconds of an evaluation: zero-shot on Pictograms from the start of Python to the record, and of seen images.

    python -m benchmarks.start_up

Both are measured in one call, alternating, and shown as ratios too. The first is of whole processes, worker processes
included, with an empty cache and again; beside it stands the import of torch alone. The second is the loop of CoOp on a
random CLIP of ViT-B/16's widths with --layers blocks in each tower, one thread, its text features made before.
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
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median

import torch

from compat.errors import exit_code

from . import against_originals
from .common import ROOT, in_own_process

ZERO_SHOT = ["train.py", "--seed", "1", "--trainer", "ZeroshotCLIP", "--eval-only", "--dataset-config-file",
             "configs/datasets/pictograms.yaml", "--config-file", "configs/trainers/ZeroshotCLIP/mini.yaml"]


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


def starts(data: str) -> list[float]:
    """CPU seconds of importing torch, and of a zero-shot evaluation with an empty cache and again."""
    with tempfile.TemporaryDirectory() as folder:
        words = [[*ZERO_SHOT, "--root", os.path.abspath(data), "--output-dir", f"{folder}/{name}"] for name in "ab"]
        return [cpu_seconds(["-c", "import torch"]), *(cpu_seconds(case, MAO_CACHE=folder) for case in words)]


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
    torch_alone, first, again = (median(values) for values in zip(*(one for one, _ in rounds), strict=True))
    print(f"zero-shot evaluation from start to record: {first:.2f} s, and again {again:.2f} s; import torch "
          f"{torch_alone:.2f} s (ratios {first / torch_alone:.2f} and {again / torch_alone:.2f})")
    unseen, seen = (median(values) for values in zip(*(two for _, two in rounds), strict=True))
    print(f"evaluation of {options.images} images: {unseen:.3f} s, and again {seen:.3f} s (ratio {unseen / seen:.0f})")


if __name__ == "__main__":
    sys.exit(exit_code(lambda: run(parse_arguments())))
