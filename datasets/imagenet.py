"""ImageNet: 1,000 classes, one folder each, named by WordNet number; its validation images are the test images.

Labels follow the sorted folder names; classnames.txt, of the CLIP authors, gives the names. Two pairs of classes have
the same name.
"""
from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY

from compat.errors import UserError

from .base import FewShotDataset, Options
from .splits.class_names import named_items, read_class_names
from .splits.scan import list_images
from .splits.split_file import Split, digest_of


@DATASET_REGISTRY.register()
class ImageNet(FewShotDataset):
    dataset_dir = "imagenet"
    listed = True

    @classmethod
    def read_parts(cls, folder: Path, options: Options) -> Split:
        check_sorted(folder / "images" / "val")
        names = read_class_names(folder)
        images = {part: list_images(folder / "images" / part, folder / f".listing_{part}.json")
                  for part in ("train", "val")}
        unknown = sorted(set(images["val"]) - set(images["train"]))
        if unknown:
            raise UserError(f"the class folder {str(folder / 'images' / 'val' / unknown[0])!r} has no counterpart "
                            "in images/train: add it there, or remove this one")
        labels = {wnid: label for label, wnid in enumerate(images["train"])}
        train = named_items(images["train"], labels, names, "train/")
        test = named_items(images["val"], labels, names, "val/")
        return Split({"train": train, "val": [], "test": test}, digest_of([images, names]))


def check_sorted(val: Path) -> None:
    """Raise UserError if the validation images lie flat, as in ImageNet's own archive."""
    flat = sorted(val.glob("ILSVRC2012_val_*")) if val.is_dir() else []
    if flat:
        raise UserError(f"{str(val)!r} holds {len(flat)} images such as {flat[0].name!r}, but each is to lie in the "
                        "folder of its class: run valprep.sh of github.com/soumith/imagenetloader.torch there, which "
                        "moves them (docs/datasets.md)")
