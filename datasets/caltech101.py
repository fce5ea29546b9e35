"""Caltech101: pictures of objects in 100 classes; the background and the closely cropped faces are left out."""
from dassl.data.datasets import DATASET_REGISTRY

from .base import FewShotDataset
from .own_split import class_folder_items, split_in_three
from .scan import list_images


@DATASET_REGISTRY.register()
class Caltech101(FewShotDataset):
    dataset_dir = "caltech-101"
    image_dir = "101_ObjectCategories"
    split_file = "split_zhou_Caltech101.json"
    renamed = {"airplanes": "airplane", "Faces": "face", "Leopards": "leopard", "Motorbikes": "motorbike"}

    @classmethod
    def build_split(cls, folder):
        images = list_images(folder / cls.image_dir)
        return split_in_three(class_folder_items(images, ignored=("BACKGROUND_Google", "Faces_easy")))
