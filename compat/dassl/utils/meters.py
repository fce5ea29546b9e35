"""Running averages of numbers that training reports."""
from collections import defaultdict
from collections.abc import Mapping

import torch


class AverageMeter:
    """Last value ``val``, sum ``sum``, count ``count`` and mean ``avg`` of a number.

    Args:
        ema: ``avg`` is an exponential moving average (0.9 of the old, 0.1 of the new) instead of the mean.
    """

    def __init__(self, ema: bool = False) -> None:
        self.ema = ema
        self.reset()

    def reset(self) -> None:
        self.val = self.avg = self.sum = 0.0
        self.count = 0

    def update(self, val: float | torch.Tensor, n: int = 1) -> None:
        """Add a number, or a tensor of one element, that stands for ``n`` samples."""
        val = val.item() if isinstance(val, torch.Tensor) else val
        first = self.count == 0
        self.val = val
        self.sum += val * n
        self.count += n
        if self.ema and not first:
            self.avg = 0.9 * self.avg + 0.1 * val
        else:
            self.avg = val if self.ema else self.sum / self.count


class MetricMeter:
    """An AverageMeter per name; printed as ``name value (average)``."""

    def __init__(self, delimiter: str = " ") -> None:
        self.meters: dict[str, AverageMeter] = defaultdict(AverageMeter)
        self.delimiter = delimiter

    def update(self, input_dict: Mapping[str, float | torch.Tensor] | None) -> None:
        """Add numbers, or tensors of one element, by name; None or an empty dict adds nothing."""
        for name, value in (input_dict or {}).items():
            self.meters[name].update(value)

    def __str__(self) -> str:
        return self.delimiter.join(f"{name} {m.val:.4f} ({m.avg:.4f})" for name, m in self.meters.items())
