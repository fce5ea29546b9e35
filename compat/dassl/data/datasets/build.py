"""The registry of data sets."""
from yacs.config import CfgNode

from ...utils.registry import Registry
from .base_dataset import DatasetBase

DATASET_REGISTRY: Registry[DatasetBase] = Registry("DATASET.NAME")


def build_dataset(cfg: CfgNode) -> DatasetBase:
    """The data set of DATASET.NAME; errors as of ``Registry.get``."""
    return DATASET_REGISTRY.build(cfg.DATASET.NAME, cfg)
