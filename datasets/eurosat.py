"""EuroSAT: satellite images in ten kinds of land use, whose folder names are rewritten as natural words."""
from dassl.data.datasets import DATASET_REGISTRY

from .base import ClassFolderDataset


@DATASET_REGISTRY.register()
class EuroSAT(ClassFolderDataset):
    dataset_dir = "eurosat"
    image_dir = "2750"
    split_file = "split_zhou_EuroSAT.json"
    template = "a centered satellite photo of {}."
    renamed = {
        "AnnualCrop": "Annual Crop Land",
        "HerbaceousVegetation": "Herbaceous Vegetation Land",
        "Highway": "Highway or Road",
        "Industrial": "Industrial Buildings",
        "Pasture": "Pasture Land",
        "PermanentCrop": "Permanent Crop Land",
        "Residential": "Residential Buildings",
        "SeaLake": "Sea or Lake",
    }
