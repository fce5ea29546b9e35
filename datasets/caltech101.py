"""Caltech101: pictures of objects in 100 classes; the background and the closely cropped faces are left out."""
from dassl.data.datasets import DATASET_REGISTRY

from .base import ClassFolderDataset


@DATASET_REGISTRY.register()
class Caltech101(ClassFolderDataset):
    dataset_dir = "caltech-101"
    image_dir = "101_ObjectCategories"
    ignored = ("BACKGROUND_Google", "Faces_easy")
    split_file = "split_zhou_Caltech101.json"
    renamed = {"airplanes": "airplane", "Faces": "face", "Leopards": "leopard", "Motorbikes": "motorbike"}
