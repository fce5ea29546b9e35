"""The line that training prints every few batches."""
import datetime
import resource
import sys

import torch

from ..utils.meters import AverageMeter, MetricMeter


def peak_memory_mb(device):
    """Peak memory in MiB: of the GPU on CUDA, else of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


class EpochProgress:
    """Times and losses of an epoch.

    Attributes:
        batch_time, data_time: seconds of a step, and of it the wait for its batch. losses: MetricMeter.
    """

    def __init__(self):
        self.batch_time = AverageMeter()
        self.data_time = AverageMeter()
        self.losses = MetricMeter()

    @property
    def data_wait_fraction(self):
        """Share of the time so far that was spent waiting for data."""
        return self.data_time.sum / self.batch_time.sum if self.batch_time.sum else 0.0

    def line(self, trainer, lr):
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
