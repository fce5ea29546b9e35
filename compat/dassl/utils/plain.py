"""What a checkpoint may hold: tensors, numbers, strings, and containers of them, so that loading it runs no code."""
from collections import Counter, OrderedDict
from typing import Any

import numpy as np
import torch


def to_plain(value: Any, where: str = "the state") -> Any:
    """A value with arrays as tensors, numpy numbers as python's, and only dicts, lists and tuples as containers.

    Raises:
        TypeError: there is something else in it; the message says where.
    """
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes, torch.dtype, torch.device,
                                           torch.Size)):
        return value
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.copy())
    if isinstance(value, torch.Tensor):
        return value.detach()
    if isinstance(value, dict) and not isinstance(value, Counter):
        kind = OrderedDict if isinstance(value, OrderedDict) else dict
        return kind((to_plain(key, where), to_plain(entry, f"{where}[{key!r}]")) for key, entry in value.items())
    if isinstance(value, (list, tuple)):
        entries = [to_plain(entry, f"{where}[{index}]") for index, entry in enumerate(value)]
        return entries if isinstance(value, list) else tuple(entries)
    raise TypeError(f"{where} is a {type(value).__name__}, which checkpoints do not hold")
