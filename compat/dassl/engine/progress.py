"""The line that training prints every few batches."""
import datetime
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import torch

from compat.memory import peak_memory_mb

from ..utils.meters import AverageMeter, MetricMeter

if TYPE_CHECKING:  # the trainers import this file
    from .simple_trainer import SimpleTrainer


class EpochProgress:
    """Times and losses of an epoch.

    What a step reports stays on its device until it is read: a step that waited for its numbers would keep the device
    from being given the next one.

    Attributes:
        batch_time, data_time: seconds of a step, and of it the wait for its batch. On a GPU a step that is read waits
            for those before it, so that their mean is right and not the single one.
        losses: what the steps reported that were read.
    """

    def __init__(self) -> None:
        self.batch_time = AverageMeter()
        self.data_time = AverageMeter()
        self.losses = MetricMeter()
        self._steps = 0
        self._unread: list[tuple[float, dict[str, float | torch.Tensor]]] = []  # learning rate, report

    def learnt(self, summary: Mapping[str, float | torch.Tensor] | None, lr: float) -> None:
        """Keep what a step reported that learnt at rate ``lr``."""
        self._unread.append((lr, {name: value.detach().clone() if isinstance(value, torch.Tensor) else value
                                  for name, value in (summary or {}).items()}))

    def read(self) -> Iterator[tuple[int, float]]:
        """Bring ``losses`` up to date, step by step; yields the 0-based steps and their learning rates."""
        unread, self._unread = self._unread, []
        for lr, summary in unread:
            self.losses.update(summary)
            yield self._steps, lr
            self._steps += 1

    @property
    def data_wait_fraction(self) -> float:
        """Share of the time so far that was spent waiting for data."""
        return self.data_time.sum / self.batch_time.sum if self.batch_time.sum else 0.0

    def line(self, trainer: "SimpleTrainer", lr: float) -> str:
        """The line after a batch that was learnt at rate ``lr``, with the time left of the whole training."""
        done = trainer.batch_idx + 1
        left = trainer.num_batches - done + (trainer.max_epoch - trainer.epoch - 1) * trainer.num_batches
        seconds_left = round(self.batch_time.avg * left)
        return (
            f"epoch [{trainer.epoch + 1}/{trainer.max_epoch}] batch [{done}/{trainer.num_batches}] "
            f"time {self.batch_time.val:.3f} ({self.batch_time.avg:.3f}) "
            f"data {self.data_time.val:.3f} ({self.data_time.avg:.3f}) {self.losses} "
            f"lr {lr:.4e} mem {peak_memory_mb(trainer.device):.0f} MB "
            f"eta {datetime.timedelta(seconds=seconds_left)}"
        )
