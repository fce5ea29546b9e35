"""A split made here, for a data set whose official split file is not at hand.

The parts that were drawn at random when the official file was made are drawn at random here too, with a fixed seed. The
images differ, so results are not comparable with published ones. The split is kept as ``split_own_<Name>.json``, not
under the official file's name.
"""
import contextlib
import json
import os
import random
import sys
from collections.abc import Callable, Container, Iterable
from pathlib import Path

from compat.errors import UserError
from compat.files import write_file

from .checks import check_labels, check_paths
from .split_file import Item, Parts, Split, digest_of, group_by_label, read_split

SEED = 1
TRAIN_SHARE, VAL_SHARE = 0.5, 0.2  # of each class; the rest is for tests
VAL_OF_TRAIN = 0.2
FEWEST = 4  # images that leave at least one for each of the three parts


def own_split(name: str, folder: Path, official: str, build: Callable[[Path], Parts]) -> Split:
    """Read the split that was made here, or make it; one that does not fit together is not written.

    Args:
        name: the data set's name. folder: its folder. official: name of the missing official split file.
        build: makes the parts from the raw files of the folder.

    Raises:
        UserError: the raw files are missing, damaged or do not fit together.
    """
    path = folder / f"split_own_{name}.json"
    print(f"{folder / official} is missing, so {name} is split at random ({path.name}): results are not comparable "
          f"with published ones; to get the official split, run python -m datasets.download {name} --splits")
    if os.path.lexists(path):
        try:
            saved = read_split(path)
            check_labels(saved.parts, path)
            check_paths(saved.parts, path)
        except UserError:
            print(f"{path} is damaged: the files are split anew", file=sys.stderr)
        else:
            with contextlib.suppress(UserError):  # raw files that are gone; images that are gone are named later
                if build(folder) != saved.parts:
                    print(f"the raw files in {folder} are no longer those that {path.name} was made of: delete it to "
                          "split them anew")
            return Split(saved.parts, saved.digest, official=False)
    parts = build(folder)
    check_labels(parts, f"the raw files in {folder}")
    check_paths(parts, f"the raw files in {folder}")
    with contextlib.suppress(OSError):  # a data root that cannot be written to: the same split is made again next time
        write_file(path, json.dumps(parts))
    return Split(parts, digest_of(parts), official=False)


def split_in_three(items: Iterable[Item], seed: int = SEED) -> Parts:
    """Cut the items of each class at random in 50 % train, 20 % validation and 30 % test items, class after class.

    Raises:
        UserError: a class has fewer than ``FEWEST`` items.
    """
    rng = random.Random(seed)
    parts: Parts = {"train": [], "val": [], "test": []}
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


def split_off_validation(train: Iterable[Item], test: Iterable[Item], seed: int = SEED) -> Parts:
    """Take 20 % of each class's train items at random as validation items."""
    rng = random.Random(seed)
    parts: Parts = {"train": [], "val": [], "test": list(test)}
    for group in group_by_label(train).values():
        group = rng.sample(group, len(group))
        n_val = round(VAL_OF_TRAIN * len(group))
        parts["train"] += group[n_val:]
        parts["val"] += group[:n_val]
    return parts


def class_folder_items(images: dict[str, list[str]], ignored: Container[str] = ()) -> list[Item]:
    """Items of all images in class folders; labels in the order of the sorted folder names.

    Args:
        images: {folder name: file names}, as from ``scan.list_images``. ignored: folders that are no class.
    """
    folders = [folder for folder in images if folder not in ignored]
    return [(f"{folder}/{file}", label, folder) for label, folder in enumerate(folders) for file in images[folder]]
