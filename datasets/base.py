"""What every data set of the CoOp family shares: split, few-shot draws, base and new classes.

A data set's own file then names its folders and holds what is special about it.
"""
import math
from dataclasses import dataclass
from pathlib import Path

from dassl.data.datasets import DatasetBase, Datum

from compat.errors import UserError

from .few_shot import cached_draw, short_classes
from .files import missing_files, missing_folders, summary
from .own_split import own_split
from .places import find_folder
from .split_file import PARTS, check_duplicates, check_labels, read_split

SUBSAMPLES = ("all", "base", "new")


@dataclass
class Reading:
    """A data set as it lies on disk, before draws and class halves.

    Attributes:
        name: the data set's name. folder: its folder. images: the folder that paths of items are relative to.
        parts: {"train": items, "val": items, "test": items}, an item being (path, label, class name).
        digest: SHA-256, as hex digits, of the split. official: False for a random split that was made here.
    """

    name: str
    folder: Path
    images: Path
    parts: dict
    digest: str
    official: bool = True


class FewShotDataset(DatasetBase):
    """A data set with a split, cut down by DATASET.NUM_SHOTS, then by DATASET.SUBSAMPLE_CLASSES.

    Class attributes, set by the data sets:
        dataset_dir: folder under DATASET.ROOT.
        image_dir: folder in it that the paths of the split are relative to.
        split_file: name of the official split file in ``dataset_dir``.
        build_split: class method that makes parts from the raw files of the folder, for when that file is missing.
        template: hand-written prompt; ``{}`` stands for the class name.
        renamed: {class name as in the files: class name to use}.
        test_only: whether it has no images to train on. Its test items then are its training items too, as in the
            originals, so that class names are known; DATASET.NUM_SHOTS does not matter.
        draws_dir: folder in ``dataset_dir`` that few-shot draws are kept in.
        listed: whether its items come from a listing of the folders, so that they are known to exist.

    Attributes:
        root: DATASET.ROOT as a path (default ``./data``). folder: the data set's folder in it.
        split_digest: SHA-256 of the split.

    Raises:
        UserError: a bad value in the config, or files that are missing, damaged or do not fit together.
    """

    dataset_dir = None
    image_dir = "images"
    split_file = None
    build_split = None
    template = "a photo of a {}."
    renamed = {}
    test_only = False
    listed = False
    draws_dir = "split_fewshot"

    def __init__(self, cfg):
        options = cfg.DATASET
        check_options(options)
        self.root = data_root(options.ROOT)
        reading = self.read(self.root)
        self.folder, self.split_digest = reading.folder, reading.digest
        parts = dict(reading.parts)
        if self.test_only:
            parts["train"] = parts["test"]
        elif options.NUM_SHOTS > 0:
            self.draw(parts, options.NUM_SHOTS, cfg.SEED)
        parts = subsample_classes(parts, options.SUBSAMPLE_CLASSES)
        n_classes = len({label for _, label, _ in parts["train"]})
        if n_classes < 2:
            raise UserError(f"{reading.name} has {n_classes} class where DATASET.SUBSAMPLE_CLASSES is "
                            f"{options.SUBSAMPLE_CLASSES!r}: a classifier needs at least two")
        if not self.listed:
            check_images(reading.images, [path for part in PARTS for path, _, _ in parts[part]])
        prefix = f"{reading.images}/"
        data = {part: [Datum(impath=prefix + path, label=label, classname=name) for path, label, name in parts[part]]
                for part in PARTS}
        super().__init__(train_x=data["train"], val=data["val"], test=data["test"])

    @classmethod
    def read(cls, root):
        """Read the data set below a data root, without looking at single images. Returns: Reading.

        Raises:
            UserError: files are missing, damaged or do not fit together.
        """
        folder = data_root(root) / cls.dataset_dir
        cls.prepare(folder)
        parts, digest, *official = cls.read_parts(folder)
        if cls.renamed:
            parts = {part: [(path, label, cls.renamed.get(name, name)) for path, label, name in items]
                     for part, items in parts.items()}
        source = folder / (cls.split_file or "")
        check_labels(parts, source, cls.test_only)
        if not cls.listed:
            check_duplicates(parts, source)
        return Reading(cls.__name__, folder, folder / cls.image_dir, parts, digest, *official)

    @classmethod
    def prepare(cls, folder):
        """Make sure that the data set's folder is there."""
        find_folder(cls.__name__, folder)

    @classmethod
    def read_parts(cls, folder):
        """(parts, digest) or (parts, digest, official) as in Reading."""
        if cls.build_split is None or (folder / cls.split_file).exists():
            return read_split(folder / cls.split_file)
        return own_split(cls.__name__, folder, cls.split_file, lambda: cls.build_split(folder))

    def draw(self, parts, shots, seed):
        """Replace the train and validation items of ``parts`` by the few-shot draw of a seed."""
        few = short_classes(parts["train"], shots)
        if few:
            print(f"fewer than {shots} training images, so all are taken: {', '.join(few)}")
        parts["train"], parts["val"] = cached_draw(
            parts["train"], parts["val"], shots, seed, self.folder / self.draws_dir, self.split_digest)


def data_root(root):
    """DATASET.ROOT as an absolute path; ``./data`` where it is empty."""
    return Path(root or "data").expanduser().absolute()


def check_options(options):
    """Raise UserError for a value of the config node DATASET that no data set can work with."""
    if options.NUM_SHOTS < -1 or options.NUM_SHOTS == 0:
        raise UserError(f"DATASET.NUM_SHOTS is {options.NUM_SHOTS}: give the number of training images a class, or "
                        "-1 for all of them")
    if options.SUBSAMPLE_CLASSES not in SUBSAMPLES:
        raise UserError(f"DATASET.SUBSAMPLE_CLASSES {options.SUBSAMPLE_CLASSES!r} is unknown: give one of "
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
    """Raise UserError if images that a run needs are missing; names the class folder if all of it is."""
    missing = missing_files(folder, paths)
    if not missing:
        return
    folders = missing_folders(folder, missing)
    what = f"the class folder {str(folder / folders[0])!r} is missing" if folders and folders[0] else \
        f"the image {str(folder / missing[0])!r} is missing"
    raise UserError(f"{what} ({len(missing)} of {len(paths)} images that the split lists: {summary(missing)}): "
                    "unpack the data set again, or get the split file that belongs to it")
