"""A split made here, for a data set whose official split file is not at hand.

The parts that were drawn at random when the official file was made are drawn at random here too, with a fixed seed: the
images differ, and so results are not comparable with published ones. It is kept under another name than the official
file, ``split_own_<Name>.json``.
"""
import hashlib
import json
import random

from compat.errors import UserError
from compat.files import write_file

from .split_file import check_duplicates, check_labels, group_by_label, read_split

SEED = 1
TRAIN_SHARE, VAL_SHARE = 0.5, 0.2  # of a class; the rest is for tests
VAL_OF_TRAIN = 0.2
FEWEST = 4  # images that leave at least one for each of the three parts


def own_split(name, folder, official, build):
    """Read the split that was made here, or make it; one that does not hold together is not written.

    Args:
        name: the data set's name. folder: its folder. official: name of the missing official split file.
        build: function without arguments that gives the parts.

    Returns:
        (parts, digest, False), as ``FewShotDataset.read_parts``.

    Raises:
        UserError: the raw files are missing, damaged or do not fit together.
    """
    path = folder / f"split_own_{name}.json"
    print(f"{folder / official} is missing, so {name} is split at random ({path.name}): results are not comparable "
          f"with published ones; to get the official split, run python -m datasets.download {name} --splits")
    if path.exists():
        try:
            return (*read_split(path), False)
        except UserError:
            print(f"{path} is damaged: the files are split anew")
    parts = build()
    check_labels(parts, f"the raw files in {folder}")
    check_duplicates(parts, f"the raw files in {folder}")
    try:
        write_file(path, json.dumps(parts))
    except OSError:  # a data root that cannot be written to: the same split is made again next time
        pass
    return parts, digest_of(parts), False


def digest_of(parts):
    """SHA-256, as hex digits, of the file that parts are written to."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def split_in_three(items):
    """Cut the items of each class at random in 50 % train, 20 % validation and 30 % test items.

    Returns:
        {"train": items, "val": items, "test": items}, class after class.

    Raises:
        UserError: a class has fewer than ``FEWEST`` items.
    """
    rng = random.Random(SEED)
    parts = {"train": [], "val": [], "test": []}
    for group in group_by_label(items).values():
        if len(group) < FEWEST:
            path, _, name = group[0]
            raise UserError(f"the class {name!r} has only {len(group)} image(s), {path!r} among them: a split in "
                            f"train, validation and test images needs {FEWEST}; add some, or leave the class out")
        group = rng.sample(group, len(group))
        n_train, n_val = round(TRAIN_SHARE * len(group)), round(VAL_SHARE * len(group))
        parts["train"] += group[:n_train]
        parts["val"] += group[n_train:n_train + n_val]
        parts["test"] += group[n_train + n_val:]
    return parts


def split_off_validation(train, test):
    """Take 20 % of each class's train items at random as validation items.

    Returns:
        {"train": items, "val": items, "test": items}.
    """
    rng = random.Random(SEED)
    parts = {"train": [], "val": [], "test": list(test)}
    for group in group_by_label(train).values():
        group = rng.sample(group, len(group))
        n_val = round(VAL_OF_TRAIN * len(group))
        parts["train"] += group[n_val:]
        parts["val"] += group[:n_val]
    return parts


def class_folder_items(images, ignored=()):
    """(path, label, class name) of all images in class folders; labels in the order of the sorted folder names.

    Args:
        images: {folder name: file names}, as from ``scan.list_images``. ignored: folders that are no class.
    """
    folders = [folder for folder in images if folder not in ignored]
    return [(f"{folder}/{file}", label, folder) for label, folder in enumerate(folders) for file in images[folder]]
