"""What every data set of the CoOp family shares: split file, few-shot draw, base and new classes.

A data set's own file then names its folders and holds what is special about it.
"""
import math
import os
from pathlib import Path

from dassl.data.datasets import DatasetBase, Datum

from .errors import DatasetError
from .few_shot import cached_draw, short_classes
from .split_file import PARTS, read_split

SUBSAMPLES = ("all", "base", "new")


class FewShotDataset(DatasetBase):
    """A data set with a split file, cut down by DATASET.NUM_SHOTS, then by DATASET.SUBSAMPLE_CLASSES.

    Class attributes, set by the data sets:
        dataset_dir: folder under DATASET.ROOT.
        image_dir: folder in it that the paths of the split file are relative to.
        split_file: name of the split file in ``dataset_dir``.

    Attributes:
        root: DATASET.ROOT as a path (default ``./data``). folder: the data set's folder in it.
        split_digest: SHA-256 of the split file.

    Raises:
        DatasetError: a bad value in the config, or files that are missing, damaged or do not fit together.
    """

    dataset_dir = None
    image_dir = "images"
    split_file = None

    def __init__(self, cfg):
        options = cfg.DATASET
        check_options(options)
        self.root = Path(options.ROOT or "data").expanduser().absolute()
        self.folder = self.root / self.dataset_dir
        self.prepare()
        parts, self.split_digest = self.read_parts()
        if options.NUM_SHOTS > 0:
            self.draw(parts, options.NUM_SHOTS, cfg.SEED)
        parts = subsample_classes(parts, options.SUBSAMPLE_CLASSES)
        n_classes = len({label for _, label, _ in parts["train"]})
        if n_classes < 2:
            raise DatasetError(f"{type(self).__name__} has {n_classes} class where DATASET.SUBSAMPLE_CLASSES is "
                               f"{options.SUBSAMPLE_CLASSES!r}: a classifier needs at least two")
        images = self.folder / self.image_dir
        check_images(images, (path for part in PARTS for path, _, _ in parts[part]))
        as_data = {
            part: [Datum(impath=str(images / path), label=label, classname=name) for path, label, name in parts[part]]
            for part in PARTS
        }
        super().__init__(train_x=as_data["train"], val=as_data["val"], test=as_data["test"])

    def prepare(self):
        """Make sure that the data set's folder is there."""
        if not self.folder.is_dir():
            raise DatasetError(f"{type(self).__name__} is not at {str(self.folder)!r}: put it there, or give --root "
                               "(DATASET.ROOT) the folder that holds the data sets")

    def read_parts(self):
        """({"train": items, "val": items, "test": items}, digest of the split); items as in ``split_file``."""
        return read_split(self.folder / self.split_file)

    def draw(self, parts, shots, seed):
        """Replace the train and validation items of ``parts`` by the few-shot draw of a seed."""
        few = short_classes(parts["train"], shots)
        if few:
            print(f"fewer than {shots} training images, so all are taken: {', '.join(few)}")
        parts["train"], parts["val"] = cached_draw(
            parts["train"], parts["val"], shots, seed, self.folder / "split_fewshot", self.split_digest)


def check_options(options):
    """Raise DatasetError for a value of the config node DATASET that no data set can work with."""
    if options.NUM_SHOTS < -1 or options.NUM_SHOTS == 0:
        raise DatasetError(f"DATASET.NUM_SHOTS is {options.NUM_SHOTS}: give the number of training images a class, or "
                           "-1 for all of them")
    if options.SUBSAMPLE_CLASSES not in SUBSAMPLES:
        raise DatasetError(f"DATASET.SUBSAMPLE_CLASSES {options.SUBSAMPLE_CLASSES!r} is unknown: give one of "
                           f"{', '.join(SUBSAMPLES)}")


def subsample_classes(parts, subsample):
    """Keep the base or the new classes of every part.

    The labels of the train part are cut in two halves, base = first ceil(n/2), new = the rest, and the half that stays
    is numbered 0, 1, ... in the order of its labels.

    Args:
        parts: {"train": items, "val": items, "test": items}. subsample: "all", "base" or "new".

    Returns:
        The same structure, items in the same order.
    """
    if subsample == "all":
        return parts
    labels = sorted({label for _, label, _ in parts["train"]})
    n_base = math.ceil(len(labels) / 2)
    kept = labels[:n_base] if subsample == "base" else labels[n_base:]
    relabel = {label: new for new, label in enumerate(kept)}
    return {
        part: [(path, relabel[label], name) for path, label, name in items if label in relabel]
        for part, items in parts.items()
    }


def check_images(folder, paths):
    """Raise DatasetError if an image is missing; each folder is listed once, which is fast for large data sets too."""
    listed = {}
    for path in paths:
        parent, name = os.path.split(path)
        if parent not in listed:
            try:
                listed[parent] = set(os.listdir(folder / parent))
            except OSError:
                listed[parent] = set()
        if name not in listed[parent]:
            raise DatasetError(f"the split file lists an image that is missing, {str(folder / path)!r}: unpack the "
                               "data set again, or get the split file that belongs to it")
