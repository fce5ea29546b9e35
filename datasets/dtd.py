"""DescribableTextures: textures by the adjective that describes them, 47 classes."""
from dassl.data.datasets import DATASET_REGISTRY

from .base import ClassFolderDataset


@DATASET_REGISTRY.register()
class DescribableTextures(ClassFolderDataset):
    dataset_dir = "dtd"
    split_file = "split_zhou_DescribableTextures.json"
    template = "{} texture."
