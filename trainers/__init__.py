"""Trainers of this repository: importing the package registers them all with Dassl."""
from . import coop, zsclip
from . import mao  # after its hosts

__all__ = ["coop", "extend_cfg", "mao", "zsclip"]


def extend_cfg(cfg):
    """Add the config keys of every trainer of this repository to a Dassl config."""
    coop.extend_cfg(cfg)
    mao.extend_cfg(cfg)
