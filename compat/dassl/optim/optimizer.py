"""Optimizers from a config's OPTIM node."""
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from yacs.config import CfgNode

from compat.errors import UserError
from compat.torch_import import collection_paused

from ..utils.checkpoints import unwrap
from ..utils.registry import check_availability
from .radam import RAdam


def _betas(cfg: CfgNode) -> dict[str, Any]:
    return {"betas": (cfg.ADAM_BETA1, cfg.ADAM_BETA2)}


# Class of each, and what it takes of the OPTIM node beyond LR and WEIGHT_DECAY.
OPTIMIZERS: dict[str, tuple[Callable[..., torch.optim.Optimizer], Callable[[CfgNode], dict[str, Any]]]] = {
    "adam": (torch.optim.Adam, _betas),
    "amsgrad": (torch.optim.Adam, lambda cfg: {**_betas(cfg), "amsgrad": True}),
    "sgd": (torch.optim.SGD, lambda cfg: {
        "momentum": cfg.MOMENTUM, "dampening": cfg.SGD_DAMPNING, "nesterov": cfg.SGD_NESTEROV}),
    "rmsprop": (torch.optim.RMSprop, lambda cfg: {"momentum": cfg.MOMENTUM, "alpha": cfg.RMSPROP_ALPHA}),
    "radam": (RAdam, _betas),
    "adamw": (torch.optim.AdamW, _betas),
}
AVAI_OPTIMS = list(OPTIMIZERS)


def build_optimizer(model: nn.Module | Iterable[Any], optim_cfg: CfgNode,
                    param_groups: Iterable[Any] | None = None) -> torch.optim.Optimizer:
    """Optimizer of OPTIM.NAME.

    Args:
        model: a module, or an iterable of parameters or of parameter groups.
        param_groups: what to optimise instead of all parameters of ``model``.

    Raises:
        UnknownNameError: there is no such optimizer.
        UserError: OPTIM.STAGED_LR without a module, or with layers that it does not have.
    """
    check_availability(optim_cfg.NAME, list(OPTIMIZERS), what="OPTIM.NAME")
    if optim_cfg.STAGED_LR and param_groups is not None:
        warnings.warn("OPTIM.STAGED_LR has no effect: the trainer gives parameter groups of its own", stacklevel=2)
    if param_groups is None and optim_cfg.STAGED_LR:
        param_groups = _staged_groups(model, optim_cfg)
    elif param_groups is None:
        param_groups = model.parameters() if isinstance(model, nn.Module) else model
    make, options = OPTIMIZERS[optim_cfg.NAME]
    with collection_paused():  # the first optimizer imports torch's compiler
        return make(param_groups, lr=optim_cfg.LR, weight_decay=optim_cfg.WEIGHT_DECAY, **options(optim_cfg))


def _staged_groups(model: nn.Module | Iterable[Any], cfg: CfgNode) -> list[dict[str, Any]]:
    """Two groups: OPTIM.NEW_LAYERS at LR, all other layers at LR * BASE_LR_MULT."""
    if not isinstance(model, nn.Module):
        raise UserError("OPTIM.STAGED_LR needs a whole model, but the trainer gives parameters: set it to False")
    new_layers = [cfg.NEW_LAYERS] if isinstance(cfg.NEW_LAYERS, str) else list(cfg.NEW_LAYERS)
    children = dict(unwrap(model).named_children())
    for name in new_layers:
        check_availability(name, list(children), what="OPTIM.NEW_LAYERS")
    base = [p for name, child in children.items() if name not in new_layers for p in child.parameters()]
    new = [p for name, child in children.items() if name in new_layers for p in child.parameters()]
    return [{"params": base, "lr": cfg.LR * cfg.BASE_LR_MULT}, {"params": new}]
