"""Food101: dishes in 101 classes."""
from dassl.data.datasets import DATASET_REGISTRY

from .base import FewShotDataset
from .own_split import class_folder_items, split_in_three
from .scan import list_images


@DATASET_REGISTRY.register()
class Food101(FewShotDataset):
    dataset_dir = "food-101"
    split_file = "split_zhou_Food101.json"
    template = "a photo of {}, a type of food."

    @classmethod
    def build_split(cls, folder):
        return split_in_three(class_folder_items(list_images(folder / cls.image_dir)))
