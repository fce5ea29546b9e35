"""Whether what a checkpoint holds are the weights that a model expects."""
from collections.abc import Mapping
from typing import Any

import torch

from .errors import DamagedFileError

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def state_dict_of(checkpoint: object, path: str) -> dict[str, Any]:
    """The entry ``state_dict`` of a checkpoint read from the file ``path``.

    Raises:
        DamagedFileError: it has none, or one that is no dict by names.
    """
    state = checkpoint.get("state_dict") if isinstance(checkpoint, Mapping) else None
    if not isinstance(state, Mapping) or not all(isinstance(key, str) for key in state):
        kind = f"a {type(checkpoint).__name__}" if state is None else f"a {type(state).__name__} as state_dict"
        raise DamagedFileError(f"{path!r} is no checkpoint of a model (it holds {kind}, no weights by name under "
                               "'state_dict'): give a model.pth.tar file")
    return dict(state)


def misfit(expected: torch.Tensor, found: object) -> str | None:
    """What keeps a value from taking the place of a tensor: its kind, shape, type or an infinite number; else None."""
    if not isinstance(found, torch.Tensor):
        return f"is a {type(found).__name__}, expected a tensor"
    if found.shape != expected.shape:
        return f"has shape {tuple(found.shape)}, expected {tuple(expected.shape)}"
    if expected.dtype in FLOATS and found.dtype not in FLOATS:
        return f"is of type {found.dtype}, expected {expected.dtype}"
    if expected.dtype in FLOATS and not torch.isfinite(found).all():
        return "holds values that are not finite"
    return None


def misfits(expected: Mapping[str, torch.Tensor], found: Mapping[str, object]) -> list[str]:
    """One phrase for each tensor of ``expected`` that ``found`` lacks or cannot replace."""
    reasons = {key: misfit(value, found[key]) if key in found else "is missing" for key, value in expected.items()}
    return [f"{key} {reason}" for key, reason in reasons.items() if reason]
