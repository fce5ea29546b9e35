"""Data sets, transforms, samplers and loaders."""
from .data_manager import DataManager
from .seeding import seed_epoch
from .wrapper import DatasetWrapper

__all__ = ["DataManager", "DatasetWrapper", "seed_epoch"]
