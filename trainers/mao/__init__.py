"""Model-agnostic optimisation (MAO) of prompt tuning, as a plug-in for Dassl trainers of the CoOp family.

Import it after the host trainers and call ``extend_cfg(cfg)`` before config files are merged; ``CoOp_MAO`` and its
like are then registered. Imports torch, yacs, dassl and the host's trainers, nothing else of this repository.
"""
from .config import extend_cfg
from .hosts import add_mao, register_hosts
from .trainer import MAO

__all__ = ["MAO", "add_mao", "extend_cfg"]

register_hosts()
