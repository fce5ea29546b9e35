"""OxfordFlowers: flowers in 102 classes, numbered from 1 in the data set and named by cat_to_name.json."""
from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY

from .base import SplittableDataset
from .splits.own_split import split_in_three
from .splits.split_file import Parts
from .splits.text_lists import parse_all, read_matlab, read_table


@DATASET_REGISTRY.register()
class OxfordFlowers(SplittableDataset):
    dataset_dir = "oxford_flowers"
    image_dir = "jpg"
    split_file = "split_zhou_OxfordFlowers.json"
    template = "a photo of a {}, a type of flower."

    @classmethod
    def build_split(cls, folder: Path) -> Parts:
        names = read_table(folder / "cat_to_name.json")
        numbers = read_matlab(folder / "imagelabels.mat", "labels").tolist()  # class of image 1, 2, ...
        named = parse_all(folder / "cat_to_name.json", numbers, lambda number: str(names[str(number)]))
        return split_in_three((f"image_{image:05d}.jpg", number - 1, name)
                              for image, (number, name) in enumerate(zip(numbers, named, strict=True), start=1))
