"""Trainers of this repository: importing the package registers them all with Dassl."""
from . import (
    coop,
    mao,  # after its hosts
    maple,
    promptsrc,
    zsclip,
)

__all__ = ["coop", "extend_cfg", "mao", "maple", "promptsrc", "zsclip"]


def extend_cfg(cfg):
    """Add the config keys of every trainer of this repository to a Dassl config."""
    for module in (coop, maple, promptsrc, mao):
        module.extend_cfg(cfg)
