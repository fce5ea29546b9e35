"""What a data set is, and the registry of them; repositories bring the data sets."""
from .base_dataset import DatasetBase
from .build import DATASET_REGISTRY, build_dataset
from .datum import Datum

__all__ = ["DATASET_REGISTRY", "DatasetBase", "Datum", "build_dataset"]
