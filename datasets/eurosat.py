"""EuroSAT: satellite images in ten kinds of land use, whose folder names are rewritten as natural words."""
from dassl.data.datasets import DATASET_REGISTRY

from .base import FewShotDataset
from .own_split import class_folder_items, split_in_three
from .scan import list_images


@DATASET_REGISTRY.register()
class EuroSAT(FewShotDataset):
    dataset_dir = "eurosat"
    image_dir = "2750"
    split_file = "split_zhou_EuroSAT.json"
    template = "a centered satellite photo of {}."
    renamed = {
        "AnnualCrop": "Annual Crop Land",
        "Forest": "Forest",
        "HerbaceousVegetation": "Herbaceous Vegetation Land",
        "Highway": "Highway or Road",
        "Industrial": "Industrial Buildings",
        "Pasture": "Pasture Land",
        "PermanentCrop": "Permanent Crop Land",
        "Residential": "Residential Buildings",
        "River": "River",
        "SeaLake": "Sea or Lake",
    }

    @classmethod
    def build_split(cls, folder):
        return split_in_three(class_folder_items(list_images(folder / cls.image_dir)))
