"""ImageNet's variants for tests of domain generalisation: V2, Sketch, A (adversarial) and R (renditions)."""
from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY

from compat.errors import UserError

from .base import FewShotDataset, Options
from .splits.class_names import named_items, read_class_names
from .splits.scan import list_images
from .splits.split_file import Item, Split, digest_of


class Variant(FewShotDataset):
    """Folders named by WordNet number; the classes that are there are labelled 0, 1, ... in sorted order."""

    test_only = True
    listed = True

    @classmethod
    def read_parts(cls, folder: Path, options: Options) -> Split:
        images = list_images(folder / cls.image_dir, folder / ".listing.json")
        items = cls.items(images, read_class_names(folder), folder / cls.image_dir)
        return Split({"train": [], "val": [], "test": items}, digest_of(items))

    @classmethod
    def items(cls, images: dict[str, list[str]], names: dict[str, str], folder: Path) -> list[Item]:
        """Items of all images. ``images``: file names by folder. ``names``: class names by WordNet number."""
        return named_items(images, {wnid: label for label, wnid in enumerate(images)}, names)


@DATASET_REGISTRY.register()
class ImageNetV2(Variant):
    """New photographs; the folders are numbered by label, 0 to 999, in the order of classnames.txt."""

    dataset_dir = "imagenetv2"
    image_dir = "imagenetv2-matched-frequency-format-val"

    @classmethod
    def items(cls, images: dict[str, list[str]], names: dict[str, str], folder: Path) -> list[Item]:
        by_label = list(names.values())
        strange = [name for name in images if not name.isdecimal() or int(name) >= len(by_label)]
        if strange:
            raise UserError(f"the class folder {str(folder / strange[0])!r} is not a label from 0 to "
                            f"{len(by_label) - 1}: unpack the data set again")
        return [(f"{label}/{file}", int(label), by_label[int(label)]) for label in sorted(images, key=int)
                for file in images[label]]


@DATASET_REGISTRY.register()
class ImageNetSketch(Variant):
    dataset_dir = "imagenet-sketch"


@DATASET_REGISTRY.register()
class ImageNetA(Variant):
    dataset_dir = "imagenet-adversarial"
    image_dir = "imagenet-a"


@DATASET_REGISTRY.register()
class ImageNetR(Variant):
    dataset_dir = "imagenet-rendition"
    image_dir = "imagenet-r"
