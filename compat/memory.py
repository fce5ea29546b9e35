"""How much memory this process took at most."""
import resource
import sys

import torch


def peak_memory_mb(device: torch.device | str) -> float:
    """Peak memory so far, in MB (10**6 bytes): of the GPU where ``device`` is one, else of the main process."""
    if torch.device(device).type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage counts in bytes there, in KiB on Linux
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
