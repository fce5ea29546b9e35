"""Share of CoOp_MAO's base step that is spent waiting for data, on the bundled data with two workers.

    python -m benchmarks.data_wait [--epochs 3] [--workers 2]

Trains through train.py's own parts and prints, for each epoch, seconds per step and the share of waiting. The first
epoch includes the start of the worker processes. The shares come from the bundled engine.
"""
import argparse
import sys
import tempfile
from collections.abc import Sequence

import train
from compat.errors import exit_code

from .common import ROOT, checked_config


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--shots", type=int, default=16)
    parser.add_argument("--data", default=str(ROOT / "data"))
    return parser.parse_args(argv)


def run(options: argparse.Namespace) -> None:
    epochs: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        cfg = checked_config(train.parse_arguments([
            "--root", options.data, "--seed", "1", "--trainer", "CoOp_MAO", "--output-dir", folder,
            "--dataset-config-file", str(ROOT / "configs/datasets/pictograms.yaml"),
            "--config-file", str(ROOT / "configs/trainers/CoOp_MAO/mini.yaml"),
            "DATASET.NUM_SHOTS", str(options.shots), "DATASET.SUBSAMPLE_CLASSES", "base",
            "OPTIM.MAX_EPOCH", str(options.epochs), "DATALOADER.NUM_WORKERS", str(options.workers),
            "TEST.NO_TEST", "True", "VERBOSE", "False", "TRAIN.PRINT_FREQ", "100000"]))
        from runs.recorder import wrap  # both import Dassl, which checked_config has chosen
        from trainers.running import built_trainer

        with built_trainer(cfg) as trainer:
            wrap(trainer, "run_epoch",
                 after=lambda _: epochs.append((trainer.batch_time_meter.avg, trainer.data_wait_fraction)))
            trainer.train()
            print(f"workers {options.workers}, {len(trainer.train_loader_x)} steps per epoch")
    for epoch, (seconds, share) in enumerate(epochs, start=1):
        print(f"epoch {epoch}: {1000 * seconds:.1f} ms/step, waiting for data {100 * share:.1f} %")


def main(argv: Sequence[str] | None = None) -> int:
    return exit_code(lambda: run(parse_arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
