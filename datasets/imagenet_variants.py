"""ImageNet's variants for tests of domain generalisation: V2, Sketch, A (adversarial) and R (renditions)."""
import hashlib
import json

from dassl.data.datasets import DATASET_REGISTRY

from compat.errors import UserError

from .base import FewShotDataset
from .class_names import named_items, read_class_names
from .scan import list_images


class Variant(FewShotDataset):
    """Folders named by WordNet number; the classes that are there are labelled 0, 1, ... in sorted order."""

    test_only = True
    listed = True

    @classmethod
    def read_parts(cls, folder):
        names = read_class_names(folder)
        images = list_images(folder / cls.image_dir, folder / ".listing.json")
        labels = {wnid: label for label, wnid in enumerate(images)}
        items = named_items(images, labels, names)
        return {"train": [], "val": [], "test": items}, hashlib.sha256(json.dumps(items).encode()).hexdigest()


@DATASET_REGISTRY.register()
class ImageNetV2(Variant):
    """New photographs; the folders are numbered by label, 0 to 999, in the order of classnames.txt."""

    dataset_dir = "imagenetv2"
    image_dir = "imagenetv2-matched-frequency-format-val"

    @classmethod
    def read_parts(cls, folder):
        names = list(read_class_names(folder).values())
        images = list_images(folder / cls.image_dir, folder / ".listing.json")
        strange = [name for name in images if not name.isdecimal() or int(name) >= len(names)]
        if strange:
            raise UserError(f"the class folder {str(folder / cls.image_dir / strange[0])!r} is not a label from 0 "
                            f"to {len(names) - 1}: unpack the data set again")
        items = [(f"{label}/{file}", int(label), names[int(label)]) for label in sorted(images, key=int)
                 for file in images[label]]
        return {"train": [], "val": [], "test": items}, hashlib.sha256(json.dumps(items).encode()).hexdigest()


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
