"""The registry of data sets."""
from ...utils.registry import Registry

DATASET_REGISTRY = Registry("DATASET.NAME")


def build_dataset(cfg):
    """The data set of DATASET.NAME.

    Raises:
        UnknownNameError: none is registered under the name.
    """
    dataset = DATASET_REGISTRY.get(cfg.DATASET.NAME)
    if cfg.VERBOSE:
        print(f"loading data set {cfg.DATASET.NAME}")
    return dataset(cfg)
