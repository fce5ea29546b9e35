"""Dassl's module of this name, for repositories that import from it rather than from ``dassl.utils``."""
from .checkpoints import load_checkpoint, resume_from_checkpoint, save_checkpoint
from .networks import (
    count_num_param,
    init_network_weights,
    load_pretrained_weights,
    open_all_layers,
    open_specified_layers,
)

__all__ = [
    "count_num_param", "init_network_weights", "load_checkpoint", "load_pretrained_weights", "open_all_layers",
    "open_specified_layers", "resume_from_checkpoint", "save_checkpoint",
]
