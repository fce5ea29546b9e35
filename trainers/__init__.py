"""Trainers of this repository: importing the package registers them all with Dassl."""
from yacs.config import CfgNode

from . import (
    cocoop,
    coop,
    ivlp,
    kgcoop,
    linear_probe,
    mao,  # makes variants of the hosts above it, and imports the others itself
    maple,
    promptsrc,
    vpt,
    zsclip,
)
from .prompting import trainer

__all__ = ["cocoop", "coop", "extend_cfg", "ivlp", "kgcoop", "linear_probe", "mao", "maple", "promptsrc", "vpt",
           "zsclip"]


def extend_cfg(cfg: CfgNode) -> None:
    """Add the config keys of every trainer of this repository to a Dassl config."""
    for module in (trainer, coop, kgcoop, cocoop, vpt, ivlp, maple, promptsrc, linear_probe, mao):
        module.extend_cfg(cfg)
