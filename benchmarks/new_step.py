"""A step of MAO's step 2 against a step of its backbone, measured in one process.

    python -m benchmarks.new_step [--methods CoOp MaPLe PromptSRC] [--views train test] [--classes 500] [--images 32]

``train``: step 1's prompts label the view of the step, in each step anew. ``test``: all labels were made before, of the
plain view; so it is in the settings of CoOp_MAO and MaPLe_MAO. Both trainers get the same images, over as many classes,
and take turns. CPU seconds on one thread, on a random CLIP, as in ``against_originals``. Prints one JSON line per case
and a table.
"""
import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

import torch

from compat.errors import exit_code

from .against_originals import add_sizes, built_in
from .common import in_own_process

METHODS = ("CoOp", "MaPLe", "PromptSRC")
VIEWS = ("train", "test")
ON_CPU = ("USE_CUDA", "False")
NOT_COUNTED = 3  # in the first steps, features that can be shared are still computed twice, and compared


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--views", nargs="+", choices=VIEWS, default=list(VIEWS))
    add_sizes(parser)
    return parser.parse_args(argv)


def measure(method: str, view: str, options: argparse.Namespace) -> list[float]:
    """Median CPU seconds of a step of the backbone and of one of step 2."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, built_in(folder, method, options, ON_CPU) as backbone, \
            step_2(folder, method, view, options) as new:
        image = new.dm.dataset.train_x[0].impath
        generator, seconds = torch.Generator().manual_seed(0), []
        for _ in range(NOT_COUNTED + options.steps):
            batch = {"img": torch.randn(options.images, 3, options.side, options.side, generator=generator),
                     "label": torch.randperm(options.classes, generator=generator)[:options.images],
                     "impath": [image] * options.images}
            seconds.append([seconds_of_step(trainer, batch) for trainer in (backbone, new)])
        return [median(column) for column in zip(*seconds[NOT_COUNTED:], strict=True)]


@contextlib.contextmanager
def step_2(folder: str, method: str, view: str, options: argparse.Namespace) -> Iterator[Any]:
    """A trainer of step 2 that is ready to train, behind a step 1 whose prompts nobody trained."""
    base, name = f"{folder}/base", f"{method}_MAO"
    with built_in(folder, name, options, [*ON_CPU, "OUTPUT_DIR", base]) as trainer:
        from trainers.mao.base_run import write_run_facts  # it imports Dassl, which built_in has chosen

        trainer.save_model(0, base)
        write_run_facts(trainer.cfg, finished=True)
    pairs = ["OUTPUT_DIR", f"{folder}/new", "DATASET.SUBSAMPLE_CLASSES", "new", "MAO.BASE_DIR", base,
             "MAO.PSEUDO_LABELS", "base", "MAO.PSEUDO_VIEW", view]
    with built_in(folder, name, options, [*ON_CPU, *pairs]) as trainer:
        del trainer.dm.dataset.train_x[1:]  # all are one image, whose label is enough
        trainer.before_train()
        yield trainer


def seconds_of_step(trainer: Any, batch: dict[str, Any]) -> float:
    trainer.batch_idx, trainer.num_batches = 0, 2  # no step is the last of an epoch
    trainer.set_model_mode("train")
    start = time.process_time()
    trainer.forward_backward(batch)
    return time.process_time() - start


def run(options: argparse.Namespace) -> None:
    table = []
    for method in options.methods:
        for view in options.views:
            backbone, new = in_own_process(measure, method, view, options)
            print(json.dumps({"method": method, "view": view, "classes": options.classes, "images": options.images,
                              "layers": options.layers, "backbone_seconds": round(backbone, 4),
                              "new_seconds": round(new, 4)}), flush=True)
            table.append(f"{method:10} {view:6} {backbone:10.3f} {new:10.3f} {new / backbone:6.2f}")
    print(f"{'method':10} {'view':6} {'backbone s':>10} {'step 2 s':>10} {'ratio':>6}")
    print(*table, sep="\n")


def main(argv: Sequence[str] | None = None) -> int:
    return exit_code(lambda: run(parse_arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
