"""The registry of trainers."""
from ..utils.registry import Registry

TRAINER_REGISTRY = Registry("TRAINER.NAME")


def build_trainer(cfg):
    """The trainer of TRAINER.NAME, with its data loaded and its model built.

    Raises:
        UnknownNameError: none is registered under the name.
    """
    trainer = TRAINER_REGISTRY.get(cfg.TRAINER.NAME)
    if cfg.VERBOSE:
        print(f"loading trainer {cfg.TRAINER.NAME}")
    return trainer(cfg)
