"""DescribableTextures: textures by the adjective that describes them, 47 classes."""
from dassl.data.datasets import DATASET_REGISTRY

from .base import FewShotDataset
from .own_split import class_folder_items, split_in_three
from .scan import list_images


@DATASET_REGISTRY.register()
class DescribableTextures(FewShotDataset):
    dataset_dir = "dtd"
    split_file = "split_zhou_DescribableTextures.json"
    template = "{} texture."

    @classmethod
    def build_split(cls, folder):
        return split_in_three(class_folder_items(list_images(folder / cls.image_dir)))
