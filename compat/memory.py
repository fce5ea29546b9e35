"""How much memory this process took at most."""
import math
import sys

import torch

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]  # mypy knows it as a module


def peak_memory_mb(device: torch.device | str) -> float:
    """Peak memory so far, in MB (10**6 bytes): of the GPU where ``device`` is one, else of the main process.

    NaN where the system does not count it.
    """
    if torch.device(device).type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    if resource is None:
        return math.nan
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage counts in bytes there, in KiB on Linux
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
