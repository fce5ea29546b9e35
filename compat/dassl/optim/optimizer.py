"""Optimizers from a config's OPTIM node."""
import warnings

import torch
from torch import nn

from compat.errors import UserError

from ..utils.checkpoints import unwrap
from ..utils.registry import check_availability


def _adam(groups, cfg):
    return torch.optim.Adam(groups, lr=cfg.LR, weight_decay=cfg.WEIGHT_DECAY, betas=_betas(cfg))


def _amsgrad(groups, cfg):
    return torch.optim.Adam(groups, lr=cfg.LR, weight_decay=cfg.WEIGHT_DECAY, betas=_betas(cfg), amsgrad=True)


def _sgd(groups, cfg):
    return torch.optim.SGD(groups, lr=cfg.LR, momentum=cfg.MOMENTUM, weight_decay=cfg.WEIGHT_DECAY,
                           dampening=cfg.SGD_DAMPNING, nesterov=cfg.SGD_NESTEROV)


def _rmsprop(groups, cfg):
    return torch.optim.RMSprop(groups, lr=cfg.LR, momentum=cfg.MOMENTUM, weight_decay=cfg.WEIGHT_DECAY,
                               alpha=cfg.RMSPROP_ALPHA)


def _radam(groups, cfg):
    return torch.optim.RAdam(groups, lr=cfg.LR, weight_decay=cfg.WEIGHT_DECAY, betas=_betas(cfg))


def _adamw(groups, cfg):
    return torch.optim.AdamW(groups, lr=cfg.LR, weight_decay=cfg.WEIGHT_DECAY, betas=_betas(cfg))


OPTIMIZERS = {"adam": _adam, "amsgrad": _amsgrad, "sgd": _sgd, "rmsprop": _rmsprop, "radam": _radam, "adamw": _adamw}


def _betas(cfg):
    return cfg.ADAM_BETA1, cfg.ADAM_BETA2


def build_optimizer(model, optim_cfg, param_groups=None):
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
    if param_groups is None:
        if optim_cfg.STAGED_LR:
            param_groups = _staged_groups(model, optim_cfg)
        else:
            param_groups = model.parameters() if isinstance(model, nn.Module) else model
    return OPTIMIZERS[optim_cfg.NAME](param_groups, optim_cfg)


def _staged_groups(model, cfg):
    """Two groups: OPTIM.NEW_LAYERS at LR, all other layers at LR * BASE_LR_MULT."""
    if not isinstance(model, nn.Module):
        raise UserError("OPTIM.STAGED_LR needs a whole model, but the trainer gives parameters: set it to False")
    model = unwrap(model)
    new_layers = [cfg.NEW_LAYERS] if isinstance(cfg.NEW_LAYERS, str) else list(cfg.NEW_LAYERS)
    children = dict(model.named_children())
    for name in new_layers:
        check_availability(name, list(children), what="OPTIM.NEW_LAYERS")
    base = [p for name, child in children.items() if name not in new_layers for p in child.parameters()]
    new = [p for name, child in children.items() if name in new_layers for p in child.parameters()]
    return [{"params": base, "lr": cfg.LR * cfg.BASE_LR_MULT}, {"params": new}]
