"""OxfordFlowers: flowers in 102 classes, numbered from 1 in the data set and named by cat_to_name.json."""
from dassl.data.datasets import DATASET_REGISTRY

from .base import FewShotDataset
from .own_split import split_in_three
from .text_lists import entry, read_matlab, read_table


@DATASET_REGISTRY.register()
class OxfordFlowers(FewShotDataset):
    dataset_dir = "oxford_flowers"
    image_dir = "jpg"
    split_file = "split_zhou_OxfordFlowers.json"
    template = "a photo of a {}, a type of flower."

    @classmethod
    def build_split(cls, folder):
        names_file = folder / "cat_to_name.json"
        names = read_table(names_file)
        items = [
            entry(names_file, number, lambda: (f"image_{index:05d}.jpg", int(number) - 1, names[str(number)]))
            for index, number in enumerate(read_matlab(folder / "imagelabels.mat", "labels").ravel(), start=1)
        ]
        return split_in_three(items)
