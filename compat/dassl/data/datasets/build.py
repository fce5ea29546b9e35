"""The registry of data sets."""
from yacs.config import CfgNode

from ...utils.registry import Registry
from .base_dataset import DatasetBase

DATASET_REGISTRY: Registry[DatasetBase] = Registry("DATASET.NAME")


def build_dataset(cfg: CfgNode) -> DatasetBase:
    """The data set of DATASET.NAME.

    Raises:
        UnknownNameError: none is registered under the name.
    """
    return DATASET_REGISTRY.build(cfg.DATASET.NAME, cfg)
