"""StanfordCars: car models in 196 classes, named as "2012 Audi A5 Coupe", with the year first."""
from pathlib import Path

import numpy as np
from dassl.data.datasets import DATASET_REGISTRY

from .base import SplittableDataset
from .splits.own_split import split_off_validation
from .splits.split_file import Item, Parts
from .splits.text_lists import parse_all, read_matlab


@DATASET_REGISTRY.register()
class StanfordCars(SplittableDataset):
    dataset_dir = "stanford_cars"
    image_dir = ""
    split_file = "split_zhou_StanfordCars.json"

    @classmethod
    def build_split(cls, folder: Path) -> Parts:
        names = [year_first(str(name)) for name in read_matlab(folder / "devkit" / "cars_meta.mat", "class_names")]
        return split_off_validation(
            read_annotations(folder / "devkit" / "cars_train_annos.mat", "cars_train", names),
            read_annotations(folder / "cars_test_annos_withlabels.mat", "cars_test", names))


def year_first(name: str) -> str:
    """"2012 Audi A5 Coupe" of "Audi A5 Coupe 2012"."""
    model, _, year = name.rpartition(" ")
    return f"{year} {model}"


def read_annotations(path: Path, image_folder: str, names: list[str]) -> list[Item]:
    """Items of a MATLAB file with records of file name and class number from 1."""
    def item(record: np.void) -> Item:
        label = int(record["class"]) - 1
        return f"{image_folder}/{record['fname']}", label, names[label]

    return parse_all(path, read_matlab(path, "annotations"), item)
