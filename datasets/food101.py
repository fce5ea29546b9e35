"""Food101: dishes in 101 classes."""
from dassl.data.datasets import DATASET_REGISTRY

from .base import ClassFolderDataset


@DATASET_REGISTRY.register()
class Food101(ClassFolderDataset):
    dataset_dir = "food-101"
    split_file = "split_zhou_Food101.json"
    template = "a photo of {}, a type of food."
