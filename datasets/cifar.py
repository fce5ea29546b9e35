"""CIFAR-10 and CIFAR-100 from the files that torchvision downloads.

The images are written as png files on first use, since loaders read files; torchvision checks the sums of its own.
Official test images; 20 % of each class's training images, at random with a fixed seed, are the validation images.
"""
import json
from pathlib import Path
from typing import Any, ClassVar

from dassl.data.datasets import DATASET_REGISTRY
from PIL import Image

from compat.errors import UserError

from .base import FewShotDataset
from .download.unpack_once import MARKER, fill_once
from .splits.own_split import split_off_validation
from .splits.split_file import Item

VERSION = 1  # of what is written: another one writes it anew
SPLIT = "split_own.json"


class CIFAR(FewShotDataset):
    """``original``: torchvision's class. Its folder lies in DATASET.ROOT, or in the folder ``beside`` there."""

    original: ClassVar[str]
    beside: ClassVar[str]
    advice = "torchvision downloads it (docs/datasets.md)"
    split_file = SPLIT

    @classmethod
    def prepare(cls, folder: Path) -> None:
        files = cls.files()
        place = next((place for place in (folder.parent, folder.parent / cls.beside)
                      if (place / files.base_folder).is_dir()), None)
        if place is None and not (folder / MARKER).exists():
            raise UserError(f"{cls.__name__} is not at {str(folder.parent / files.base_folder)!r}: put torchvision's "
                            f"files there (torchvision.datasets.{cls.original}({str(folder.parent)!r}, download=True)),"
                            " or give --root (DATASET.ROOT) the folder that holds it")
        if place is not None:
            digest = f"{VERSION} of {' '.join(md5 for _, md5 in (*files.train_list, *files.test_list))}"
            fill_once(folder, digest, lambda fresh: cls.write_images(place, fresh), files.base_folder)

    @classmethod
    def files(cls) -> Any:  # noqa: ANN401  a class of torchvision's, which says nothing of its types
        import torchvision  # slow to import, and two data sets need it

        return getattr(torchvision.datasets, cls.original)

    @classmethod
    def write_images(cls, place: Path, folder: Path) -> None:
        """Write all images, in class folders, and the split."""
        items: dict[str, list[Item]] = {}
        for part in ("train", "test"):
            try:
                images = cls.files()(str(place), train=part == "train")
            except Exception as error:  # torchvision raises RuntimeError, pickle and numpy many kinds
                raise UserError(f"torchvision cannot read {cls.__name__} in {str(place)!r} ({error}): get its files "
                                "again") from error
            for name in images.classes:
                (folder / cls.image_dir / part / name).mkdir(parents=True)
            items[part] = [(f"{part}/{images.classes[label]}/{number:05}.png", label, images.classes[label])
                           for number, label in enumerate(images.targets)]
            for (path, _, _), pixels in zip(items[part], images.data, strict=True):
                Image.fromarray(pixels).save(folder / cls.image_dir / path, compress_level=1)
        (folder / cls.split_file).write_text(json.dumps(split_off_validation(items["train"], items["test"])),
                                             encoding="utf-8")


@DATASET_REGISTRY.register()
class CIFAR10(CIFAR):
    original = "CIFAR10"
    dataset_dir = "cifar-10-images"
    beside = "cifar10"


@DATASET_REGISTRY.register()
class CIFAR100(CIFAR):
    original = "CIFAR100"
    dataset_dir = "cifar-100-images"
    beside = "cifar100"
