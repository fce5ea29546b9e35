"""Checkpoints that hold learnable parameters only, under the upstream repositories' key names."""
from collections.abc import Mapping
from typing import Any

import torch
from dassl.utils import load_checkpoint
from torch import nn

from compat.errors import UserError
from compat.state_dicts import misfit, misfits, state_dict_of


class LearnableState(nn.Module):
    """A module whose state dict is its learnable parameters.

    Frozen weights and per-class token buffers can be rebuilt from CLIP and the class names, so they are neither
    saved nor loaded: entries of other names in an upstream checkpoint (whole CLIPs, ``token_prefix``, ...) are ignored.
    """

    # torch declares one signature per set of arguments; here all of them are passed on.
    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, torch.Tensor]:  # type: ignore[override]
        """The learnable parameters by name; arguments as in ``nn.Module``."""
        state = super().state_dict(*args, **kwargs)
        prefix = kwargs.get("prefix", "")
        learnable = {prefix + name for name, parameter in self.named_parameters() if parameter.requires_grad}
        for key in [key for key in state if key.startswith(prefix) and key not in learnable]:
            del state[key]
        return state

    def load_state_dict(self, state_dict: Mapping[str, torch.Tensor], strict: bool = True, assign: bool = False) -> Any:
        """Copy the learnable entries of a state dict; the result is that of ``nn.Module``.

        Raises:
            UserError: learnable entries are missing or do not fit, and ``strict`` is set.
        """
        own = self.state_dict()
        differing = misfits(own, state_dict)
        if strict and differing:
            raise UserError(f"the checkpoint does not fit this model ({'; '.join(differing)}): use the configuration "
                            "that it was trained with")
        fitting = {key: value for key, value in state_dict.items() if key in own and misfit(own[key], value) is None}
        return super().load_state_dict(fitting, strict=False, assign=assign)


def load_learnable(module: LearnableState, path: str) -> int | None:
    """Load the learnable entries of a checkpoint file; returns the file's epoch.

    Raises:
        UserError: the file's learnable entries do not fit; the sentence lists those that differ.
    """
    checkpoint = load_checkpoint(path)
    state = state_dict_of(checkpoint, path)
    try:
        module.load_state_dict({key.removeprefix("module."): value for key, value in state.items()})
    except UserError as error:
        raise UserError(f"{path!r}: {error}") from error
    return checkpoint.get("epoch")
