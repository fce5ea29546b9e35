"""The machine and the random numbers of a run."""
import os
import platform
import random
from typing import TypeVar

import numpy as np
import PIL
import torch
import torchvision

T = TypeVar("T")


def set_random_seed(seed: int) -> None:
    """Seed python's, numpy's and torch's global random numbers, on all devices."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def collect_env_info() -> str:
    """Versions and devices, one per line."""
    lines = [
        f"python {platform.python_version()} on {platform.platform()}, {os.cpu_count()} cores",
        f"torch {torch.__version__}, torchvision {torchvision.__version__}, numpy {np.__version__}, "
        f"Pillow {PIL.__version__}",
    ]
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        lines.append(f"CUDA {torch.version.cuda}: {', '.join(names)}")
    else:
        lines.append("MPS" if torch.backends.mps.is_available() else "no GPU")
    return "\n".join(lines)


def tolist_if_not(x: T | list[T]) -> list[T]:
    """``x`` if it is a list, else a list of it."""
    return x if isinstance(x, list) else [x]
