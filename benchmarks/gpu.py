"""What the methods cost on a GPU: step, memory and evaluation at ViT-B/16, beside the original formulation.

    python -m benchmarks.gpu [--methods CoOp CoOp_MAO ...] [--classes 50 500 1000] [--images 32] [--precision auto]

Steps: milliseconds and the GPU's peak memory of ours and of the original formulation (``against_originals``), of MAO
the base step. Images are random; with how many shots they were drawn has no influence on a step.
Evaluation: images per second with text features at hand, in bf16, and its share of what a large product of bf16
matrices reaches on the same GPU.
Data wait: share of an epoch on made-up files (``synthetic``) with --workers processes, in which no batch was ready.

A random CLIP; each case has a process of its own. Prints one JSON line per case and a table. Needs a CUDA GPU.
"""
import argparse
import contextlib
import io
import json
import sys
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from compat.errors import UserError, exit_code
from compat.memory import peak_memory_mb

from .against_originals import FORMULATIONS, METHODS, built, step_of
from .common import in_own_process, now

TRAINERS = [method for method in METHODS if method not in ("text", "evaluation")]
WARM_UP = 3  # calls that are not counted


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--methods", nargs="+", choices=TRAINERS, default=TRAINERS)
    parser.add_argument("--classes", type=int, nargs="+", default=[50, 500, 1000], help="each at least --images")
    parser.add_argument("--images", type=int, default=32, help="in a batch of training")
    parser.add_argument("--test-images", type=int, default=256, help="in a batch of evaluation")
    parser.add_argument("--layers", type=int, default=12, help="blocks of each tower")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--precision", default="auto", help="of the steps")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--width", type=int, default=768, help="of the image tower")
    parser.add_argument("--text-width", type=int, default=512)
    parser.add_argument("--side", type=int, default=224, help="of the images, in pixels")
    parser.add_argument("--matrix", type=int, default=8192, help="rows of the square matrices")
    return parser.parse_args(argv)


def seconds_of(call: Callable[[], object], times: int, device: torch.device) -> float:
    """Median seconds of a call, with all that the device has to do for it."""
    found = []
    for _ in range(WARM_UP + times):
        start = now(device)
        call()
        found.append(now(device) - start)
    return median(found[WARM_UP:])


def step(method: str, classes: int, formulation: str, options: argparse.Namespace) -> dict[str, float]:
    """Milliseconds and peak memory of a training step."""
    case = argparse.Namespace(**{**vars(options), "classes": classes})
    with built(method, formulation, case, options.precision, pairs=()) as trainer:
        trainer.batch_idx, trainer.num_batches = 0, 2  # no step is the last of an epoch
        trainer.set_model_mode("train")
        generator = torch.Generator().manual_seed(0)
        batch = {"img": torch.randn(options.images, 3, options.side, options.side, generator=generator),
                 "label": torch.randperm(classes, generator=generator)[:options.images]}
        learn = step_of(method, formulation, trainer)
        seconds = seconds_of(lambda: learn(batch), options.steps, trainer.device)
        return {"ms": round(1000 * seconds, 2), "peak_mb": round(peak_memory_mb(trainer.device))}


def evaluation(classes: int, options: argparse.Namespace) -> dict[str, float]:
    """Images per second of an evaluation of CoOp in bf16, and its share of what products of matrices reach."""
    case = argparse.Namespace(**{**vars(options), "classes": classes})
    with built("evaluation", "ours", case, "bf16", pairs=()) as trainer, torch.no_grad():
        model = trainer.model.eval()
        images = torch.randn(options.test_images, 3, options.side, options.side, device=trainer.device)
        model(images)  # the text features, which are kept
        with FlopCounterMode(display=False) as counter:
            model(images)
        seconds = seconds_of(lambda: model(images), options.steps, trainer.device)
        matrix = torch.randn(options.matrix, options.matrix, device=trainer.device, dtype=torch.bfloat16)
        peak = 2 * options.matrix**3 / seconds_of(lambda: matrix @ matrix, options.steps, trainer.device)
        reached = counter.get_total_flops() / seconds
        return {"images_per_second": round(options.test_images / seconds), "matrix_tflops": round(peak / 1e12, 3),
                "share_of_matrix": round(reached / peak, 3)}


def data_wait(method: str, classes: int, options: argparse.Namespace) -> dict[str, float]:
    """Share of an epoch that waits for data; an epoch before it starts the workers."""
    case = argparse.Namespace(**{**vars(options), "classes": classes})
    pairs = ["DATALOADER.NUM_WORKERS", str(options.workers), "MAO.SIMILARITY", "clip"]
    with built(method, "ours", case, options.precision, pairs) as trainer:
        trainer.max_epoch = 2
        trainer.after_train = trainer.after_epoch = lambda: None  # no test and no checkpoint
        trainer.train()
        return {"data_wait": round(trainer.data_wait_fraction, 3)}


def run(options: argparse.Namespace) -> None:
    if not torch.cuda.is_available():
        raise UserError("this benchmark measures a CUDA GPU and torch finds none: run it on a machine with one "
                        "(benchmarks.against_originals measures a CPU)")
    print(torch.cuda.get_device_name())
    table_of(options)


def table_of(options: argparse.Namespace) -> None:
    """Measure all cases, and print them."""
    table = []
    for method in options.methods:
        for classes in options.classes:
            found: dict[str, dict[str, Any]] = {}
            for formulation in FORMULATIONS:
                found[formulation] = quietly(step, method, classes, formulation, options)
                print(json.dumps({"method": method, "classes": classes, "formulation": formulation,
                                  **found[formulation]}), flush=True)
            wait = quietly(data_wait, method, classes, options)["data_wait"]
            (theirs, their_mb), (ours, our_mb) = (found[name].values() for name in FORMULATIONS)
            table.append(f"| {method} | {classes:,} | {theirs:.1f} | {ours:.1f} | {theirs / ours:.1f} | {their_mb:,} | "
                         f"{our_mb:,} | {100 * wait:.0f} % |")
    for classes in options.classes:
        print(json.dumps({"method": "evaluation", "classes": classes, **quietly(evaluation, classes, options)}))
    print("| method | classes | original, ms | ours, ms | ratio | original, MB | ours, MB | data wait |")
    print("|---|---|---|---|---|---|---|---|", *table, sep="\n")


def quietly(function: Callable[..., dict[str, float]], *args: object) -> dict[str, float]:
    """``in_own_process``, without what a trainer prints."""
    return in_own_process(_quiet, function, *args)


def _quiet(function: Callable[..., dict[str, float]], *args: object) -> dict[str, float]:
    with contextlib.redirect_stdout(io.StringIO()):
        return function(*args)


def main(argv: Sequence[str] | None = None) -> int:
    return exit_code(lambda: run(parse_arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
