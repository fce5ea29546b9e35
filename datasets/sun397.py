"""SUN397: scenes in 397 classes; folders as "/a/apse/indoor", which is the class "indoor apse"."""
from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY

from .base import SplittableDataset
from .splits.own_split import split_off_validation
from .splits.split_file import Item, Parts
from .splits.text_lists import parse_all, read_lines


@DATASET_REGISTRY.register()
class SUN397(SplittableDataset):
    dataset_dir = "sun397"
    image_dir = "SUN397"
    split_file = "split_zhou_SUN397.json"

    @classmethod
    def build_split(cls, folder: Path) -> Parts:
        labels = {name.strip("/"): label for label, name in enumerate(read_lines(folder / "ClassName.txt"))}
        return split_off_validation(read_scenes(folder / "Training_01.txt", labels),
                                    read_scenes(folder / "Testing_01.txt", labels))


def read_scenes(path: Path, labels: dict[str, int]) -> list[Item]:
    """Items of a list with lines of image paths, "/a/apse/indoor/sun_abc.jpg"."""
    def item(line: str) -> Item:
        image = line.strip("/")
        scene = image.rpartition("/")[0]
        return image, labels[scene], scene_name(scene)

    return parse_all(path, read_lines(path), item)


def scene_name(scene: str) -> str:
    """"indoor apse" of "a/apse/indoor": without the letter, the general word last."""
    return " ".join(reversed(scene.split("/")[1:]))
