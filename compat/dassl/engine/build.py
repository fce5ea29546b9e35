"""The registry of trainers."""
from yacs.config import CfgNode

from ..utils.registry import Registry
from .simple_trainer import SimpleTrainer

TRAINER_REGISTRY: Registry[SimpleTrainer] = Registry("TRAINER.NAME")


def build_trainer(cfg: CfgNode) -> SimpleTrainer:
    """The trainer of TRAINER.NAME, with its data loaded and its model built; errors as of ``Registry.get``."""
    return TRAINER_REGISTRY.build(cfg.TRAINER.NAME, cfg)
