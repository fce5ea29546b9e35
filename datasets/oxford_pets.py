"""OxfordPets: cats and dogs of 37 breeds; the breed is in the file name, "Abyssinian_100.jpg"."""
from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY

from .base import SplittableDataset
from .splits.own_split import split_off_validation
from .splits.split_file import Item, Parts
from .splits.text_lists import parse_all, read_lines


@DATASET_REGISTRY.register()
class OxfordPets(SplittableDataset):
    dataset_dir = "oxford_pets"
    split_file = "split_zhou_OxfordPets.json"
    template = "a photo of a {}, a type of pet."

    @classmethod
    def build_split(cls, folder: Path) -> Parts:
        return split_off_validation(read_annotations(folder / "annotations" / "trainval.txt"),
                                    read_annotations(folder / "annotations" / "test.txt"))


def read_annotations(path: Path) -> list[Item]:
    """Items of a list with lines of image name, label from 1, species and breed number."""
    def item(line: str) -> Item:
        name, label = line.split()[:2]
        return f"{name}.jpg", int(label) - 1, name.rpartition("_")[0].lower()

    return parse_all(path, read_lines(path), item)
