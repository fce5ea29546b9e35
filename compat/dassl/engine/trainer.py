"""Trainers that learn from the batches of one loader of labelled images (X), or of an unlabelled one too (XU).

Dassl has the names of ``__all__`` in this module, and trainers with a loop of their own import them from here.
"""
import itertools
import time
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader

from compat.errors import UserError

from ..data import DataManager
from ..evaluation import build_evaluator
from ..optim import build_lr_scheduler, build_optimizer
from ..utils import (
    AverageMeter,
    MetricMeter,
    count_num_param,
    load_checkpoint,
    load_pretrained_weights,
    mkdir_if_missing,
    resume_from_checkpoint,
    save_checkpoint,
    tolist_if_not,
)
from ..utils.registry import check_availability
from .base import Batch, TrainerBase
from .progress import EpochProgress
from .simple_net import SimpleNet
from .simple_trainer import SimpleTrainer

__all__ = [
    "AverageMeter", "DataManager", "MetricMeter", "SimpleNet", "SimpleTrainer", "TrainerBase", "TrainerX", "TrainerXU",
    "build_evaluator", "build_lr_scheduler", "build_optimizer", "count_num_param", "load_checkpoint",
    "load_pretrained_weights", "mkdir_if_missing", "resume_from_checkpoint", "save_checkpoint", "tolist_if_not",
]  # beside SummaryWriter, which only some ask for


def __getattr__(name: str) -> Any:
    """tensorboard's ``SummaryWriter`` (ImportError if it is not installed): slow to import, and an optional package."""
    if name != "SummaryWriter":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter


class _BatchTrainer(SimpleTrainer):
    """Calls ``forward_backward`` with a batch of each loader.

    Attributes:
        data_wait_fraction: share of the last epoch's time spent waiting for data.
        batch_time_meter, data_time_meter: seconds of a step, and of it the wait for its batch.
    """

    data_wait_fraction = 0.0

    def _run_batches(self, *loaders: Iterable[Batch]) -> None:
        """Learn from ``self.num_batches`` batches of each loader, with a line every TRAIN.PRINT_FREQ of them."""
        self.set_model_mode("train")
        progress = EpochProgress()
        self.batch_time_meter, self.data_time_meter = progress.batch_time, progress.data_time
        end = time.perf_counter()
        for self.batch_idx, batches in enumerate(zip(*loaders, strict=False)):
            progress.data_time.update(time.perf_counter() - end)
            lr = self.get_current_lr()
            ready = ({key: self._normalized(value) for key, value in batch.items()} for batch in batches)
            progress.learnt(self.forward_backward(*ready), lr)
            done = self.batch_idx + 1
            prints = done % self.cfg.TRAIN.PRINT_FREQ == 0 or done == self.num_batches
            if prints:
                self._read(progress)
            progress.batch_time.update(time.perf_counter() - end)
            if prints:
                print(progress.line(self, lr))
            end = time.perf_counter()
        self._read(progress)
        self.data_wait_fraction = progress.data_wait_fraction
        self.write_scalar("train/data_wait_fraction", self.data_wait_fraction, self.epoch)

    def _read(self, progress: EpochProgress) -> None:
        """Look at what the latest steps reported, and write it to tensorboard. This waits for the device."""
        self.check_losses()
        for step, lr in progress.read():
            for name, meter in progress.losses.meters.items():
                self.write_scalar(f"train/{name}", meter.val, self.epoch * self.num_batches + step)
            self.write_scalar("train/lr", lr, self.epoch * self.num_batches + step)


class TrainerX(_BatchTrainer):
    """Learns from labelled images: ``forward_backward(batch)`` gets the batches of ``train_loader_x``."""

    def run_epoch(self) -> None:
        self.num_batches = len(self.train_loader_x)
        self._run_batches(self.train_loader_x)

    def parse_batch_train(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Images float32 (batch, 3, height, width), labels and domains int64 (batch,), on the device."""
        return self._on_device(batch["img"]), self._on_device(batch["label"]), self._on_device(batch["domain"])


class TrainerXU(_BatchTrainer):
    """Learns from labelled and unlabelled images: ``forward_backward(batch_x, batch_u)``.

    An epoch is as long as TRAIN.COUNT_ITER says; a loader that ends earlier starts again.
    """

    def run_epoch(self) -> None:
        if self.train_loader_u is None:
            raise UserError(f"{type(self).__name__} needs unlabelled images, and {self.cfg.DATASET.NAME!r} has none: "
                            "choose another trainer or data set")
        lengths = {"train_x": len(self.train_loader_x), "train_u": len(self.train_loader_u)}
        lengths["smaller_one"] = min(lengths.values())
        check_availability(self.cfg.TRAIN.COUNT_ITER, list(lengths), what="TRAIN.COUNT_ITER")
        self.num_batches = lengths[self.cfg.TRAIN.COUNT_ITER]
        labelled = itertools.islice(_endless(self.train_loader_x), self.num_batches)
        self._run_batches(labelled, _endless(self.train_loader_u))

    def parse_batch_train(self, batch_x: Batch, batch_u: Batch) -> tuple[torch.Tensor, ...]:
        """Labelled images, their labels, and unlabelled images, on the device."""
        return self._on_device(batch_x["img"]), self._on_device(batch_x["label"]), self._on_device(batch_u["img"])


def _endless(loader: DataLoader[Batch]) -> Iterator[Batch]:
    while True:
        yield from loader
