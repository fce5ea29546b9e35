"""Trainers of this repository: importing the package registers them all with Dassl."""
from yacs.config import CfgNode

from . import (
    coop,
    mao,  # imports its hosts itself
    maple,
    promptsrc,
    zsclip,
)
from .prompting import trainer

__all__ = ["coop", "extend_cfg", "mao", "maple", "promptsrc", "zsclip"]


def extend_cfg(cfg: CfgNode) -> None:
    """Add the config keys of every trainer of this repository to a Dassl config."""
    for module in (trainer, coop, maple, promptsrc, mao):
        module.extend_cfg(cfg)
