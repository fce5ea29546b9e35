"""ImageFolder: images of one's own, one folder per class, without code or a split file.

DATASET.ROOT is the folder itself. It holds either class folders, which are split here at random (50 % train, 20 %
validation, 30 % test, per class, by DATASET.SPLIT_SEED), or the folders train and test, and perhaps val, with class
folders in each. Without val, a fifth of train becomes validation images. ``classnames.json`` may give names to class
folders. What is left out is said in a line. DATASET.SPLIT_FILE gives a split or a table of labels instead.
"""
import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY
from yacs.config import CfgNode

from compat.errors import UserError
from compat.files import write_file

from .base import FewShotDataset, Options, data_root, other_names
from .splits.checks import check_class_name, summary
from .splits.given_split import PART_OF
from .splits.own_split import SEED, split_in_three, split_off_validation
from .splits.scan import class_folders, is_image, list_images
from .splits.split_file import PARTS, Parts, Split, digest_of, read_split, shown
from .splits.text_lists import read_table

SPLIT = "split_own_ImageFolder.json"
OLD_SPLIT = "split_image_folder.json"  # what it was called in earlier versions, and what a user may call his own
NAMES = "classnames.json"
RECORDS = {"results.jsonl", "run.json"}  # in output folders of runs
WALKED = 1000  # folders that are looked at for such files

Listing = dict[str, dict[str, list[str]]]
"""{folder of a part, "" where the class folders lie in the folder itself: {class folder name: file names}}."""


@DATASET_REGISTRY.register()
class ImageFolder(FewShotDataset):
    dataset_dir = ""
    image_dir = ""
    split_file = SPLIT
    draws_dir = ".split_fewshot"  # hidden, as it is no class
    seeded = True

    def __init__(self, cfg: CfgNode) -> None:
        check_output(cfg.OUTPUT_DIR, data_root(cfg.DATASET.ROOT))
        self.split_seed = cfg.DATASET.get("SPLIT_SEED", SEED)
        super().__init__(cfg)

    def own_label(self) -> str:
        name = os.path.basename(os.path.realpath(self.folder))
        label = "".join(letter for letter in name if letter.isprintable()).strip() or self.name
        label = f"own {label}" if label.lower() in other_names(self.name) else label
        return label if self.split_seed == SEED else f"{label}, split {self.split_seed}"

    @classmethod
    def prepare(cls, folder: Path) -> None:
        if not folder.is_dir():
            raise UserError(f"the image folder {str(folder)!r} does not exist: give --root (DATASET.ROOT) the "
                            "folder that holds one folder of images per class")

    @classmethod
    def read_parts(cls, folder: Path, options: Options) -> Split:
        seed = options.get("SPLIT_SEED", SEED)
        listing = list_parts(folder)
        others = left_out(folder, listing)
        if others:
            print(f"left out below {folder}, as no image in a class folder: {len(others)} ({summary(others)})")
        for name in others:
            if "/" not in name and (name.endswith(".csv") or name.startswith("split") and name.endswith(".json")):
                print(f"{name} in {folder} is not used: DATASET.SPLIT_FILE {folder / name} would be")
        names = class_names(folder, sorted({name for images in listing.values() for name in images}))
        if len(names) < 2:
            raise UserError(f"{str(folder)!r} holds the images of {len(names)} class ({', '.join(names.values())}): a "
                            "classifier needs at least two folders of images")
        return kept_split(folder, digest_of([listing, names, seed]), seed, lambda: make_parts(listing, names, seed))


def kept_split(folder: Path, listing_digest: str, seed: int, make: Callable[[], Parts]) -> Split:
    """The split that was made of the same files before, or a new one, which is kept in the folder."""
    path = folder / SPLIT if seed == SEED else folder / f"split_own_ImageFolder_seed{seed}.json"
    saved, former = read_saved(path, listing_digest)
    saved = saved or read_old(folder / OLD_SPLIT, listing_digest)
    if saved is not None:
        return saved
    parts = make()
    content = json.dumps({**parts, "seed": seed, "listing_digest": listing_digest})
    with contextlib.suppress(OSError):  # a folder that cannot be written to: the same split is made again next time
        if former is not None:  # from what was read: by now a run that started together may have written the new split
            write_file(path.with_suffix(".former.json"), json.dumps(former))
        write_file(path, content)
    return Split(parts, hashlib.sha256(content.encode()).hexdigest())


def check_output(output: str, folder: Path) -> None:
    """Raise UserError if a run's output would lie among the images, where the next run takes it for a class."""
    inner, outer = os.path.realpath(output), os.path.realpath(folder)
    if output and os.path.commonpath([inner, outer]) == outer:
        raise UserError(f"--output-dir {output!r} lies in the image folder {str(folder)!r}, where the next run would "
                        "take it for a class: give another folder")


def list_parts(folder: Path) -> Listing:
    """The images of a folder in one of the two forms; UserError where it has neither."""
    folders = class_folders(folder)
    found = {part: [name for name in folders if PART_OF.get(name.lower()) == part] for part in PARTS}
    if found["train"] and found["test"]:
        for part, names in found.items():
            if len(names) > 1:
                raise UserError(f"{str(folder)!r} holds {names[0]!r} and {names[1]!r}, both for {part}: keep one of "
                                "them")
    else:
        present = [part for part in PARTS if part in folders]
        if present:
            lacking = next(part for part in ("train", "test") if not found[part])
            raise UserError(f"{str(folder)!r} holds the folder {present[0]!r}, but no {lacking!r}: give both train "
                            "and test (val may be left out), or class folders alone")
        return {"": list_images(folder, skip=[name for name in folders if holds_runs(folder / name)])}
    listing = {name: list_images(folder / name) for names in found.values() for name in names}
    train = found["train"][0]
    for part in listing:
        unknown = sorted(set(listing[part]) - set(listing[train]))
        if unknown:
            raise UserError(f"the class folder {str(folder / part / unknown[0])!r} has no counterpart in "
                            f"{str(folder / train)!r}: add training images, or remove it")
    return listing


def holds_runs(folder: Path) -> bool:
    """Whether a folder is one of output, with the record of a run in it or, where it has no images, below it."""
    names = os.listdir(folder)
    if any(map(is_image, names)):
        return not RECORDS.isdisjoint(names)
    return any(not (RECORDS | {"log.txt"}).isdisjoint(files) for _, _, files in islice(os.walk(folder), WALKED))


def left_out(folder: Path, listing: Listing) -> list[str]:
    """Paths of all visible files and folders that are no part of a listing; folders end in a slash."""
    used = {"": {NAMES, *listing}}  # by folder
    for part, images in listing.items():
        used.setdefault(part, set()).update(images)
        used.update({os.path.join(part, name): set(files) for name, files in images.items()})
    paths = [os.path.join(place, name) for place, names in used.items() for name in sorted(os.listdir(folder / place))
             if name not in names and not name.startswith((".", "split_own_ImageFolder"))]
    return [path + "/" * os.path.isdir(folder / path) for path in paths]


def class_names(folder: Path, classes: Iterable[str]) -> dict[str, str]:
    """{class folder name: class name}: those of classnames.json, else the folder's name."""
    names = {name: name for name in classes}
    for name, value in (read_table(folder / NAMES) if os.path.lexists(folder / NAMES) else {}).items():
        if name not in names:
            raise UserError(f"{str(folder / NAMES)!r} names {shown(name)}, but there is no such class folder: correct "
                            "it")
        if not isinstance(value, str):
            raise UserError(f"{str(folder / NAMES)!r} gives {name!r} the name {shown(value)}: give a text")
        names[name] = value
    for name, value in names.items():
        check_class_name(value, f"the class folder {str(folder / name)!r}")
    return names


def make_parts(listing: Listing, names: dict[str, str], seed: int) -> Parts:
    """Split a listing; labels in the order of the sorted folder names."""
    labels = {name: label for label, name in enumerate(names)}
    items = {PART_OF.get(part.lower(), ""): [
        (os.path.join(part, name, file), labels[name], names[name]) for name, files in images.items() for file in files]
        for part, images in listing.items()}
    if "" in items:
        return split_in_three(items[""], seed)
    if "val" in items:
        return {part: items[part] for part in PARTS}
    return split_off_validation(items["train"], items["test"], seed)


def read_saved(path: Path, listing_digest: str) -> tuple[Split | None, dict | None]:
    """The split that was made of the same files or None, and the file's content where it was made of other files.

    Raises:
        UserError: the file was not made here or is damaged. It may be somebody's work, so it is left alone.
    """
    if not os.path.lexists(path):
        return None, None
    try:
        table = read_table(path)
        made_of = table.get("listing_digest")
        if made_of == listing_digest:
            return read_split(path), None
    except UserError:
        made_of = None
    if not isinstance(made_of, str):
        raise UserError(f"{str(path)!r} is damaged or was not made here, so it is left alone: move it away, then the "
                        "images are split anew")
    print(f"the files below {path.parent} have changed: they are split anew (former split: "
          f"{path.with_suffix('.former.json').name})", file=sys.stderr)
    return None, table


def read_old(path: Path, listing_digest: str) -> Split | None:
    """The split of an earlier version, if it was made of the same files; whatever else has its name is the user's."""
    with contextlib.suppress(UserError):
        if read_table(path).get("listing_digest") == listing_digest:
            return read_split(path)
    return None
