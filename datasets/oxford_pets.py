"""OxfordPets: cats and dogs of 37 breeds; the breed is in the file name, "Abyssinian_100.jpg"."""
from dassl.data.datasets import DATASET_REGISTRY

from .base import FewShotDataset
from .own_split import split_off_validation
from .text_lists import entry, read_lines


@DATASET_REGISTRY.register()
class OxfordPets(FewShotDataset):
    dataset_dir = "oxford_pets"
    split_file = "split_zhou_OxfordPets.json"
    template = "a photo of a {}, a type of pet."

    @classmethod
    def build_split(cls, folder):
        return split_off_validation(*(read_annotations(folder / "annotations" / f"{part}.txt")
                                      for part in ("trainval", "test")))


def read_annotations(path):
    """Items of a list with lines of image name, label from 1, species and breed number."""
    def item(line):
        name, label = line.split()[0], line.split()[1]
        return f"{name}.jpg", int(label) - 1, name.rpartition("_")[0].lower()

    return [entry(path, line, lambda: item(line)) for line in read_lines(path)]
