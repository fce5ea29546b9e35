"""Entries of models that training leaves as they were built, such as a frozen CLIP: a run's state need not hold them.

Whatever builds a run builds it again when it is started again, so their digests do. Nothing is taken for granted: what
does not learn but changes all the same, a running mean or a slow copy, has another digest and is kept.
"""
import hashlib
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from compat.errors import DamagedFileError

from ..utils.checkpoints import unwrap

Digests = dict[str, str]  # by entry of a state dict


def digest(value: torch.Tensor) -> str:
    """A tensor's type and shape, and the BLAKE2 of its bytes as hex digits."""
    content = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data
    return f"{value.dtype} {tuple(value.shape)} {hashlib.blake2b(content, digest_size=32).hexdigest()}"


def frozen_entries(model: nn.Module) -> Digests:
    """Digests of the entries of a model's state dict that are no learnable parameters."""
    model = unwrap(model)
    learnable = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    return {key: digest(value) for key, value in model.state_dict().items()
            if key not in learnable and isinstance(value, torch.Tensor) and value.layout == torch.strided}


def without_unchanged(state: Mapping[str, Any], built: Digests) -> tuple[dict[str, Any], Digests]:
    """(a state dict without the entries that still have the digests in ``built``, the digests of those left out)."""
    left_out = {key: known for key, known in built.items() if key in state and digest(state[key]) == known}
    return {key: value for key, value in state.items() if key not in left_out}, left_out


def with_unchanged(state: Mapping[str, Any], left_out: Digests, model: nn.Module, built: Digests,
                   path: str) -> dict[str, Any]:
    """A whole state dict again: what was left out comes from the model as it was built this time.

    Buffers may have been computed, and another device computes the last digits otherwise: that is only said.

    Raises:
        DamagedFileError: a frozen parameter is another one than that of the run in the file ``path``.
    """
    parameters = dict(unwrap(model).named_parameters())
    for key, known in left_out.items():
        here = built.get(key, "")
        if here != known and (key in parameters or here.rpartition(" ")[0] != known.rpartition(" ")[0]):
            raise DamagedFileError(f"{path!r} is of a run whose {key!r} was another one than here: give the backbone's "
                                   "weights of that run, or delete the file to start anew")
        if here != known:
            warnings.warn(f"{key!r} is not quite what it was when the run in {path!r} was stopped (another device?): "
                          "the run goes on with what it is now", stacklevel=2)
    own = unwrap(model).state_dict()
    return {**{key: own[key] for key in left_out}, **state}
