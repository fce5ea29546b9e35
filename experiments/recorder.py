"""Writes down what a Dassl trainer does: a record of each evaluation, and one of each epoch of training.

Works from outside, by wrapping methods of one trainer, so that it fits any trainer on any Dassl.
"""
import math
import platform
import re
import resource
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

from experiments.records import TRAINING_FILE, append_record, config_digest, last_record, parents_of, settings_of


def record_run(trainer, cfg, engine=""):
    """Make a Dassl trainer append its evaluations to ``<OUTPUT_DIR>/results.jsonl``, its epochs to ``training.jsonl``.

    Args:
        trainer: a built trainer whose evaluator counts in ``_correct`` and ``_total``. cfg: its config.
        engine: which Dassl is in use, for the record.
    """
    Recorder(trainer, cfg, engine)


class Recorder:
    """Follows what a trainer does, and writes a record when its evaluator has evaluated or an epoch has ended."""

    def __init__(self, trainer, cfg, engine):
        self.trainer = trainer
        self.run = {
            "trainer": cfg.TRAINER.NAME,
            "dataset": cfg.DATASET.NAME,
            "seed": cfg.SEED,
            "shots": cfg.DATASET.NUM_SHOTS,
            "classes": cfg.DATASET.SUBSAMPLE_CLASSES,
            "stage": getattr(trainer, "mao_stage", ""),
            "config_digest": config_digest(cfg),
        }
        self.environment = {
            "settings": settings_of(cfg),
            "split_digest": getattr(trainer.dm.dataset, "split_digest", ""),
            "versions": versions(),
            "engine": engine,
            "device": device_name(trainer.device),
        }
        self.folder = cfg.OUTPUT_DIR
        self.started_from = next(iter(parents_of(cfg).values()), "")
        self.split = self.test_split(None)
        self.start = time.perf_counter()
        self.epoch_start = self.start
        self.epoch_lr = None
        self.batches = 0
        self.sums = {}
        self.forget_loaded()
        self.wrap(trainer, "test", before=self.starts_test)
        self.wrap(trainer, "run_epoch", before=self.starts_epoch, after=self.ends_epoch)
        self.wrap(trainer, "forward_backward", after=self.ends_batch)
        self.wrap(trainer, "after_train", before=self.forget_loaded)  # which may load the best checkpoint
        self.wrap(trainer, "load_model", after=self.loads)
        self.wrap(trainer.evaluator, "evaluate", after=self.evaluates)

    @staticmethod
    def wrap(owner, name, before=None, after=None):
        """Call ``before(*args)`` and ``after(result, *args)`` around a method of one object."""
        method = getattr(owner, name, None)
        if method is None:
            return

        def wrapper(*args, **kwargs):
            if before is not None:
                before(*args, **kwargs)
            result = method(*args, **kwargs)
            if after is not None:
                after(result, *args, **kwargs)
            return result

        setattr(owner, name, wrapper)

    # Epochs of training

    def starts_epoch(self):
        self.forget_loaded()
        self.epoch_start, self.batches, self.sums = time.perf_counter(), 0, {}
        self.epoch_lr = self.trainer.get_current_lr()  # it changes at the end of an epoch

    def ends_batch(self, summary, *_, **__):
        self.batches += 1
        for key, value in (summary or {}).items():
            value = value.detach() if hasattr(value, "detach") else value  # becomes a number at the end of the epoch
            self.sums[key] = self.sums.get(key, 0.0) + value

    def ends_epoch(self, _):
        means = {key: float(total) / self.batches for key, total in self.sums.items()}
        append_record(self.folder, {
            **{key: mean if math.isfinite(mean) else None for key, mean in means.items()},
            **self.run,
            "epoch": self.trainer.epoch + 1,
            "lr": self.epoch_lr,
            "seconds": round(time.perf_counter() - self.epoch_start, 3),
            "batches": self.batches,
        }, TRAINING_FILE)

    # Evaluations

    def test_split(self, split):
        """The split that Dassl's ``test(split)`` evaluates: val where it is asked for and there, else test."""
        split = split or self.trainer.cfg.TEST.SPLIT
        return "val" if split == "val" and self.trainer.val_loader is not None else "test"

    def starts_test(self, split=None):
        self.split = self.test_split(split)
        self.start = time.perf_counter()

    def forget_loaded(self, *_, **__):
        """The model's parameters are those of this run: no longer those of a checkpoint that was loaded."""
        self.loaded_epoch = None
        trains = bool(self.trainer.get_model_names())
        self.source = self.run["dataset"] if trains else ""
        self.parent = self.started_from if trains else ""

    def loads(self, _, directory, epoch=None):
        self.loaded_epoch = checkpoint_epoch(directory, self.trainer.get_model_names(), epoch)
        if self.trainer.get_model_names() and directory and not same_folder(directory, self.folder):
            record = last_record(directory) or {}
            self.source = record.get("source", record.get("dataset", ""))
            self.parent = record.get("config_digest", "")

    def epoch(self):
        """Epochs that the model was trained for; 0 if there is nothing to train."""
        trainer = self.trainer
        if not trainer.get_model_names():
            return 0
        if self.loaded_epoch is not None:
            return self.loaded_epoch
        return max(trainer.epoch + 1, trainer.start_epoch)  # the latter where a finished training was resumed

    def evaluates(self, metrics):
        evaluator = self.trainer.evaluator
        correct, total = int(evaluator._correct), int(evaluator._total)
        append_record(self.folder, {
            **self.run,
            **self.environment,
            "source": self.source,  # data set that the prompts were trained on; "": not trained, or not known
            "parent": self.parent,  # config_digest of the run that they were tested of, or of step 1 before step 2
            "split": self.split,
            "num_classes": self.trainer.num_classes,
            "correct": correct,
            "total": total,
            "accuracy": 100.0 * correct / total,
            "macro_f1": float(metrics["macro_f1"]),
            "epoch": self.epoch(),
            "seconds": round(time.perf_counter() - self.start, 3),
            "peak_memory_mb": round(peak_memory_mb(self.trainer.device), 1),
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        })


def same_folder(one, other):
    return Path(one).resolve() == Path(other).resolve()


def checkpoint_epoch(directory, model_names, epoch):
    """Number of the epoch that ``load_model(directory, epoch)`` loads; None if that cannot be told.

    Without a number that is the best checkpoint if there is one, else the newest; a negative number is the newest.
    """
    if epoch is not None and epoch >= 0:
        return int(epoch)
    if not directory or not model_names:
        return None
    folder = Path(directory) / model_names[0]
    try:
        if epoch is None and (folder / "model-best.pth.tar").is_file():
            from dassl.utils import load_checkpoint

            return int(load_checkpoint(str(folder / "model-best.pth.tar"))["epoch"])
        newest = re.search(r"-(\d+)\s*$", (folder / "checkpoint").read_text(encoding="utf-8"))
    except OSError:
        return None
    return int(newest.group(1)) if newest else None


def versions():
    """Versions of Python and of the packages that results may depend on."""
    import numpy
    import torch
    import torchvision

    return {"python": platform.python_version(), "torch": torch.__version__, "torchvision": torchvision.__version__,
            "numpy": numpy.__version__}


def device_name(device):
    """"cpu", or the name of the GPU."""
    import torch

    if torch.device(device).type == "cuda":
        return torch.cuda.get_device_name(device)
    return str(device)


def peak_memory_mb(device):
    """Most memory that this process had so far, in MB: of the GPU where one is in use, else of the main process."""
    import torch

    if torch.device(device).type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage counts in bytes there, in KiB on Linux
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
