"""Random numbers of data loading that depend on (base seed, epoch) alone.

Neither what was loaded before, nor the number of workers, nor the main process's random numbers have an influence, so a
run that was stopped after an epoch goes on with the same batches.
"""
import contextlib
import hashlib
import random
from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import DataLoader


def derive_seed(*parts: int | str) -> int:
    """A seed in 0..2**63-1 that is fixed by numbers and strings."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def seed_epoch(loader: DataLoader, base_seed: int, epoch: int) -> None:
    """Prepare a DataLoader for an epoch; call it before iterating.

    Reseeds the generators of the loader and of its sampler. Data set, sampler and batch sampler are told the base seed
    and the epoch if they have the methods ``set_seed(seed)`` and ``set_epoch(epoch)``.
    """
    parts = {id(part): part for part in (
        getattr(loader, name, None) for name in ("dataset", "sampler", "batch_sampler")) if part is not None}
    for part in parts.values():
        if hasattr(part, "set_seed"):
            part.set_seed(base_seed)
        if hasattr(part, "set_epoch"):
            part.set_epoch(epoch)
    for index, part in enumerate((loader, getattr(loader, "sampler", None))):
        generator = getattr(part, "generator", None)
        if isinstance(generator, torch.Generator):
            generator.manual_seed(derive_seed(base_seed, epoch, index))


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Global random numbers of python, numpy and torch (CPU) start from a seed inside, and go on as before outside."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.default_generator.manual_seed(seed)  # torch.manual_seed would reseed the GPUs too
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
