"""Measure speed and memory of training with one method, and append the measurement to efficiency.jsonl.

Takes train.py's command line. DATASET.NAME Synthetic<N> stands for N made-up classes, to see what a step costs against
their number.

    python -m benchmarks.efficiency --root data --seed 1 --trainer CoOp_MAO --output-dir output/efficiency/CoOp_MAO \\
        --dataset-config-file configs/datasets/pictograms.yaml --config-file configs/trainers/CoOp_MAO/mini.yaml

Two epochs are trained, the second one is measured: by then caches are filled and worker processes are up. Peak memory
is that of the GPU where there is one, else of the main process, with everything that the run needs.
"""
import argparse
import sys
from datetime import datetime, timezone
from statistics import median
from typing import TYPE_CHECKING
from unittest import mock

import torch
from yacs.config import CfgNode

import train
from compat.errors import exit_code
from compat.memory import peak_memory_mb
from runs.records import EFFICIENCY_FILE, append_record
from runs.state import done_key, job_key, mark_done

from .common import checked_config, seconds_of

if TYPE_CHECKING:
    from dassl.engine import TrainerX

EPOCHS = 2


def run(args: argparse.Namespace) -> None:
    cfg = checked_config(args)
    from trainers.running import built_trainer  # it imports Dassl, which checked_config has chosen

    key = job_key(cfg, args)
    if done_key(cfg.OUTPUT_DIR) == key:
        print(f"{cfg.OUTPUT_DIR} is done already (delete its file done to run it again)")
        return
    cfg.defrost()
    cfg.merge_from_list(["SEED", max(cfg.SEED, 0), "OPTIM.MAX_EPOCH", EPOCHS, "TEST.NO_TEST", True, "RESUME", ""])
    if "SAVE_STATE" in cfg.TRAIN:  # of the bundled engine; a measurement is not resumed
        cfg.TRAIN.SAVE_STATE = False
    cfg.freeze()
    with built_trainer(cfg) as trainer:
        record = measure(trainer, cfg)
    append_record(cfg.OUTPUT_DIR, record, EFFICIENCY_FILE)
    mark_done(cfg.OUTPUT_DIR, key)
    print(record)


def measure(trainer: "TrainerX", cfg: CfgNode) -> dict[str, object]:
    """Train two epochs; the measurement of the second as a record (seconds; MB of 10**6 bytes)."""
    from runs.recorder import device_name, versions, wrap  # it imports Dassl, too

    images: list[int] = []
    wrap(trainer, "forward_backward", after=lambda _, batch: images.append(len(batch["img"])))
    steps = seconds_of(trainer, "forward_backward", trainer.device)
    epochs = seconds_of(trainer, "run_epoch", trainer.device)
    if trainer.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(trainer.device)
    with mock.patch.object(trainer, "save_model"):  # writing checkpoints is not what is measured
        trainer.train()
    last = slice(-trainer.num_batches, None)  # the second epoch
    parameters = {id(p): p for name in trainer.get_model_names() for p in trainer._models[name].parameters()}
    return {
        "trainer": cfg.TRAINER.NAME,
        "dataset": cfg.DATASET.NAME,
        "num_classes": trainer.num_classes,
        "stage": getattr(trainer, "mao_stage", ""),
        "learnable_parameters": sum(p.numel() for p in parameters.values() if p.requires_grad),
        "step_seconds": median(steps[last]),
        "epoch_seconds": epochs[-1],
        "steps": len(steps[last]),
        "images_per_second": sum(images[last]) / epochs[-1],
        "peak_memory_mb": round(peak_memory_mb(trainer.device), 1),
        "batch_size": cfg.DATALOADER.TRAIN_X.BATCH_SIZE,
        "backbone": cfg.MODEL.BACKBONE.NAME,
        "device": device_name(trainer.device),
        "versions": versions(),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def main(argv: list[str] | None = None) -> int:
    args = train.parse_arguments(argv)
    return exit_code(lambda: run(args), args.debug)


if __name__ == "__main__":
    sys.exit(main())
