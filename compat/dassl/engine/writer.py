"""Scalars for tensorboard."""


class ScalarWriter:
    """Files are made with the first scalar. Where tensorboard is not installed a line says so and nothing is written."""

    def __init__(self, log_dir):
        self._log_dir = log_dir
        self._writer = None
        self._missing = False

    def add(self, tag, value, step):
        if self._writer is None and not self._missing:
            try:
                from torch.utils.tensorboard import SummaryWriter  # slow to import
            except ImportError:
                print("tensorboard is not installed: no scalars are written")
                self._missing = True
            else:
                self._writer = SummaryWriter(log_dir=self._log_dir)
        if self._writer is not None:
            self._writer.add_scalar(tag, value, step)

    def close(self):
        if self._writer is not None:
            self._writer.close()
            self._writer = None
