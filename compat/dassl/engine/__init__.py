"""Trainers: the loop, models with their optimizers, checkpoints, and going on after a stop."""
from .base import TrainerBase
from .build import TRAINER_REGISTRY, build_trainer
from .simple_net import SimpleNet
from .simple_trainer import SimpleTrainer
from .trainer import TrainerX, TrainerXU

__all__ = ["TRAINER_REGISTRY", "SimpleNet", "SimpleTrainer", "TrainerBase", "TrainerX", "TrainerXU", "build_trainer"]
