"""Cost of a training step against the number of classes: CoOp's grows, CoOp_MAO's base step does not.

    python -m benchmarks.class_count [--classes 100 2000] [--steps 30] [--backbone Mini/16]
    python -m benchmarks.class_count --trainers MaPLe MaPLe_MAO PromptSRC PromptSRC_MAO

Synthetic class names, random images, batches of 32. Each case runs in a process of its own, so that its peak memory is
its own; the cases take turns (--rounds), so that a slow moment of the machine hits all of them. Prints a table with
ratios to the smallest class count.
"""
import argparse
import contextlib
import io
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from statistics import median

import torch

import train
from compat import resolve_dassl
from compat.errors import exit_code
from compat.memory import peak_memory_mb

from .common import checked_config, in_own_process, seconds_of

WARM_UP = 3  # steps that are not counted


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trainers", nargs="+", default=["CoOp", "CoOp_MAO"])
    parser.add_argument("--classes", type=int, nargs="+", default=[100, 2000], help="each at least --batch")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--backbone", default="Mini/16")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--depth", type=int, default=3, help="prompt depth of MaPLe and PromptSRC")
    return parser.parse_args(argv)


def words(trainer: str, classes: int, side: int, folder: str, options: argparse.Namespace) -> list[str]:
    """train.py's command line for one case, with images of ``side`` pixels."""
    pairs = {"DATASET.NAME": f"Synthetic{classes}", "DATASET.SUBSAMPLE_CLASSES": "base", "INPUT.SIZE": (side, side),
             "DATALOADER.NUM_WORKERS": 0, "OPTIM.NAME": "sgd", "OPTIM.LR": 0.0035,
             "TRAINER.COOP.CTX_INIT": "a photo of a", "TRAINER.MAPLE.PROMPT_DEPTH": options.depth,
             "TRAINER.PROMPTSRC.PROMPT_DEPTH_TEXT": options.depth,
             "TRAINER.PROMPTSRC.PROMPT_DEPTH_VISION": options.depth,
             **{f"TRAINER.{node}.PREC": options.precision for node in ("COOP", "MAPLE", "PROMPTSRC")}}
    return ["--seed", "0", "--trainer", trainer, "--backbone", options.backbone, "--output-dir", folder,
            *(str(word) for pair in pairs.items() for word in pair)]


def measure(trainer_name: str, classes: int, options: argparse.Namespace) -> tuple[list[float], float, str]:
    """Seconds of each step, peak memory in MB and the device, of one trainer at one number of classes."""
    with contextlib.redirect_stdout(io.StringIO()), tempfile.TemporaryDirectory() as folder:
        resolve_dassl()
        from trainers.prompting.clip_loading import image_resolution, load_clip  # its package imports Dassl
        from trainers.running import built_trainer

        side = image_resolution(load_clip(options.backbone))
        cfg = checked_config(train.parse_arguments(words(trainer_name, classes, side, folder, options)))
        with built_trainer(cfg) as trainer:
            trainer.batch_idx, trainer.num_batches = 0, 2  # no step is the last of an epoch
            seconds = seconds_of(trainer, "forward_backward", trainer.device)
            generator = torch.Generator().manual_seed(0)
            for _ in range(WARM_UP + options.steps):
                images = torch.randn(options.batch, 3, side, side, generator=generator)
                labels = torch.randperm(classes, generator=generator)[:options.batch]
                trainer.forward_backward({"img": images, "label": labels})
            return seconds[WARM_UP:], peak_memory_mb(trainer.device), trainer.device.type


def run(options: argparse.Namespace) -> None:
    cases = [(trainer, classes) for trainer in options.trainers for classes in options.classes]
    seconds: dict[tuple[str, int], list[float]] = defaultdict(list)
    memory: dict[tuple[str, int], list[float]] = defaultdict(list)
    for _ in range(options.rounds):
        for case in cases:
            steps, peak, device = in_own_process(measure, *case, options)
            seconds[case] += steps
            memory[case].append(peak)
    print(f"{options.backbone}, batch {options.batch}, {device}, median of {options.rounds} x {options.steps} steps")
    print(f"{'trainer':14} {'classes':>8} {'ms/step':>9} {'ratio':>6} {'peak MB':>9} {'ratio':>6}")
    for case in cases:
        first = case[0], options.classes[0]
        print(f"{case[0]:14} {case[1]:8,} "
              f"{1000 * median(seconds[case]):9.1f} {median(seconds[case]) / median(seconds[first]):6.2f} "
              f"{median(memory[case]):9.0f} {median(memory[case]) / median(memory[first]):6.2f}")


def main(argv: Sequence[str] | None = None) -> int:
    return exit_code(lambda: run(parse_arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
