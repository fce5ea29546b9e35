"""Writes down what a Dassl trainer does: a record of each evaluation, and one of each epoch of training.

Works from outside, by wrapping methods of one trainer, so that it fits any trainer on any Dassl.
"""
import functools
import math
import operator
import os
import platform
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy
import torch
import torchvision
from dassl.engine import TrainerX
from dassl.utils import load_checkpoint
from yacs.config import CfgNode

from compat.checkpoint_files import BEST, checkpoint_file
from compat.errors import MissingFileError, UserError
from compat.memory import peak_memory_mb

from .confusion import counted, write_confusion
from .identity import UNVERIFIED, classes_of
from .records import TRAINING_FILE, Record, append_record, config_digest, last_record, settings_of
from .state import Run, read_run


def record_run(trainer: TrainerX, cfg: CfgNode, engine: str = "", run: Run | None = None) -> None:
    """Make a Dassl trainer append its evaluations to ``<OUTPUT_DIR>/results.jsonl``, its epochs to ``training.jsonl``.

    Args:
        trainer: a built trainer whose evaluator counts in ``_correct`` and ``_total``. cfg: its config.
        engine: which Dassl is in use, for the record. run: which run it is; None: the records do not say.
    """
    Recorder(trainer, cfg, engine, run)


class Recorder:
    """Follows what a trainer does, and writes a record when its evaluator has evaluated or an epoch has ended."""

    def __init__(self, trainer: TrainerX, cfg: CfgNode, engine: str, run: Run | None) -> None:
        self.trainer = trainer
        self.folder: str = cfg.OUTPUT_DIR
        self.label = getattr(trainer.dm.dataset, "label", cfg.DATASET.NAME)
        self.run: Record = {
            "trainer": cfg.TRAINER.NAME,
            "dataset": cfg.DATASET.NAME,
            "seed": cfg.SEED,
            "shots": cfg.DATASET.NUM_SHOTS,
            "classes": classes_of(cfg),
            "stage": getattr(trainer, "mao_stage", ""),
            "config_digest": config_digest(cfg),
            **({"identity": run.identity.digest} if run is not None else {}),
        }
        self.environment: Record = {
            "label": self.label,
            "settings": settings_of(cfg),
            **({"origin": run.origin, "data": run.identity.data, "clip": run.identity.clip,
                "arithmetic": run.identity.arithmetic, "settings": run.identity.settings} if run is not None else {}),
            "split_digest": getattr(trainer.dm.dataset, "split_digest", ""),
            "versions": versions(),
            "engine": engine,
            "device": device_name(trainer.device),
        }
        self.started_from = run.identity.parent if run is not None else ""
        self.forget_loaded()
        self.starts_test()
        self.epoch_start, self.epoch_lr = self.start, 0.0
        self.batches = 0
        self.reports: dict[str, list[float | torch.Tensor]] = {}
        wrap(trainer, "test", before=self.starts_test)
        wrap(trainer, "run_epoch", before=self.starts_epoch, after=self.ends_epoch)
        wrap(trainer, "forward_backward", after=self.ends_batch)
        wrap(trainer, "after_train", before=self.forget_loaded)  # which may load the best checkpoint
        wrap(trainer, "load_model", after=self.loads)
        wrap(trainer.evaluator, "evaluate", after=self.evaluates)

    # Epochs of training

    def starts_epoch(self) -> None:
        self.forget_loaded()
        self.epoch_start, self.batches, self.reports = time.perf_counter(), 0, {}
        self.epoch_lr = self.trainer.get_current_lr()  # it changes at the end of an epoch

    def ends_batch(self, summary: Mapping[str, float | torch.Tensor] | None, *_: object, **__: object) -> None:
        """``summary``: losses of the batch; tensors become numbers at the end of the epoch, so that nothing waits."""
        self.batches += 1
        for key, value in (summary or {}).items():
            self.reports.setdefault(key, []).append(
                value.detach().clone() if isinstance(value, torch.Tensor) else value)

    def ends_epoch(self, _: object) -> None:
        # In order of the steps: Python's sum() rounds in another way from version 3.12 on.
        means = {key: functools.reduce(operator.add, map(float, values), 0.0) / self.batches
                 for key, values in self.reports.items()}
        append_record(self.folder, {
            **{key: mean if math.isfinite(mean) else None for key, mean in means.items()},
            **self.run,
            "epoch": self.trainer.epoch + 1,
            "lr": self.epoch_lr,
            "seconds": round(time.perf_counter() - self.epoch_start, 3),
            "batches": self.batches,
        }, TRAINING_FILE)

    # Evaluations

    def starts_test(self, split: str | None = None, **_: object) -> None:
        """Dassl's ``test(split)`` evaluates val where it is asked for and there, else test."""
        asked = split or self.trainer.cfg.TEST.SPLIT
        self.split = "val" if asked == "val" and self.trainer.val_loader is not None else "test"
        self.check_finite()
        self.start = time.perf_counter()

    def check_finite(self) -> None:
        """Raise UserError if a parameter is not finite: no Dassl but ours looks before it tests."""
        for name in self.trainer.get_model_names():
            for key, value in self.trainer._models[name].named_parameters():
                if not torch.isfinite(value).all():
                    raise UserError(f"parameter '{name}.{key}' holds values that are not finite: nothing is recorded "
                                    "of it; lower OPTIM.LR, or load another checkpoint")

    def forget_loaded(self, *_: object, **__: object) -> None:
        """The model's parameters are those of this run: no longer those of a checkpoint that was loaded."""
        self.loaded_epoch: int | None = None
        trains = bool(self.trainer.get_model_names())
        self.source: object = self.label if trains else ""
        self.parent: object = self.started_from if trains else ""

    def loads(self, _: object, directory: str, epoch: int | None = None, **__: object) -> None:
        if not (directory and self.trainer.get_model_names()):
            return  # nothing was loaded
        self.loaded_epoch = loaded_epoch(self.trainer, directory, epoch)
        if Path(directory).resolve() != Path(self.folder).resolve():
            run, record = read_run(directory), last_record(directory) or {}
            self.source = run.label if run is not None else record.get("source", record.get("dataset", ""))
            self.parent = run.identity.digest if run is not None else record.get("config_digest", UNVERIFIED)

    def epoch(self) -> int:
        """Epochs that the model was trained for; 0 if there is nothing to train."""
        trainer = self.trainer
        if not trainer.get_model_names():
            return 0
        if self.loaded_epoch is not None:
            return self.loaded_epoch
        return max(trainer.epoch + 1, trainer.start_epoch)  # the latter where a finished training was resumed

    def evaluates(self, metrics: Mapping[str, float]) -> None:
        evaluator: Any = self.trainer.evaluator  # Classification of Dassl, or a fork's own that counts as it does
        peak = peak_memory_mb(self.trainer.device)
        correct, total = int(evaluator._correct), int(evaluator._total)
        append_record(self.folder, {
            **self.run,
            **self.environment,
            "source": self.source,  # data set that the prompts were trained on; "": not trained, or not known
            "parent": self.parent,  # identity of the run that they were tested of, or of step 1 before step 2
            "split": self.split,
            "num_classes": self.trainer.num_classes,
            "correct": correct,
            "total": total,
            "accuracy": 100.0 * correct / total,
            "macro_f1": float(metrics["macro_f1"]),
            # Dassl 0.6.3 has no more than the first
            **{key: float(metrics[key]) for key in ("macro_precision", "macro_recall") if key in metrics},
            "epoch": self.epoch(),
            "seconds": round(time.perf_counter() - self.start, 3),
            "peak_memory_mb": None if math.isnan(peak) else round(peak, 1),
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        })
        if self.trainer.cfg.TEST.COMPUTE_CMAT:
            names = self.trainer.lab2cname
            write_confusion(Path(self.folder) / f"confusion_{self.split}.csv", counted(
                evaluator._y_true, evaluator._y_pred, [names[label] for label in sorted(names)]))


def wrap(owner: object, name: str, before: Callable[..., None] | None = None,
         after: Callable[..., None] | None = None) -> None:
    """Call ``before(*args)`` and ``after(result, *args)`` around a method of one object, if it has the method."""
    method = getattr(owner, name, None)
    if method is None:
        return

    def wrapper(*args: object, **kwargs: object) -> object:
        if before is not None:
            before(*args, **kwargs)
        result = method(*args, **kwargs)
        if after is not None:
            after(result, *args, **kwargs)
        return result

    setattr(owner, name, wrapper)


def loaded_epoch(trainer: TrainerX, directory: str, epoch: int | None) -> int | None:
    """Number of the epoch whose checkpoint ``load_model(directory, epoch)`` has loaded; None if that cannot be told.

    A trainer that keeps it as ``loaded_epoch`` is asked; for others it is that of the file which stands for the folder.
    """
    kept: int | None = getattr(trainer, "loaded_epoch", None)
    if kept is not None:
        return kept
    try:
        path = checkpoint_file(directory, trainer.get_model_names()[0], epoch)
    except MissingFileError:
        return None
    if os.path.basename(path) == BEST:
        return int(load_checkpoint(path)["epoch"])
    number = path.rpartition("-")[2]
    return int(number) if number.isdigit() else None


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that results may depend on."""
    return {"python": platform.python_version(), "torch": torch.__version__, "torchvision": torchvision.__version__,
            "numpy": numpy.__version__}


def device_name(device: torch.device | str) -> str:
    """"cpu", or the name of the GPU."""
    if torch.device(device).type == "cuda":
        return torch.cuda.get_device_name(device)
    return str(device)
