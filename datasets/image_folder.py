"""ImageFolder: images of one's own, one folder per class, without code or a split file.

DATASET.ROOT is the folder itself. It holds either class folders, which are split here at random (50 % train, 20 %
validation, 30 % test, per class, with a fixed seed), or the folders train and test, and perhaps val, with class folders
in each. Without val, a fifth of train becomes validation images. ``classnames.json`` may give names to class folders.
"""
import contextlib
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY

from compat.errors import UserError
from compat.files import write_file

from .base import FewShotDataset
from .splits.own_split import SEED, split_in_three, split_off_validation
from .splits.scan import list_images
from .splits.split_file import PARTS, Parts, Split, digest_of, read_split
from .splits.text_lists import read_table

SPLIT = "split_image_folder.json"
NAMES = "classnames.json"

Listing = dict[str, dict[str, list[str]]]
"""{part: {class folder name: file names}}; the part is "" where the class folders lie in the folder itself."""


@DATASET_REGISTRY.register()
class ImageFolder(FewShotDataset):
    dataset_dir = ""
    image_dir = ""
    split_file = SPLIT
    draws_dir = ".split_fewshot"  # hidden, as it is no class
    listed = True

    @classmethod
    def prepare(cls, folder: Path) -> None:
        if not folder.is_dir():
            raise UserError(f"the image folder {str(folder)!r} does not exist: give --root (DATASET.ROOT) the "
                            "folder that holds one folder of images per class")

    @classmethod
    def read_parts(cls, folder: Path) -> Split:
        listing = list_parts(folder)
        names = class_names(folder, sorted({name for images in listing.values() for name in images}))
        listing_digest = digest_of([listing, names, SEED])
        saved = read_saved(folder / SPLIT, listing_digest)
        if saved is not None:
            return saved
        parts = make_parts(listing, names)
        content = json.dumps({**parts, "seed": SEED, "listing_digest": listing_digest})
        with contextlib.suppress(OSError):  # a folder that cannot be written to: the same split is made again next time
            write_file(folder / SPLIT, content)
        return Split(parts, hashlib.sha256(content.encode()).hexdigest())


def list_parts(folder: Path) -> Listing:
    """The images of a folder in one of the two forms; UserError where it has neither."""
    present = [part for part in PARTS if (folder / part).is_dir()]
    if not present:
        return {"": list_images(folder)}
    lacking = [part for part in ("train", "test") if part not in present]
    if lacking:
        raise UserError(f"{str(folder)!r} holds the folder {present[0]!r}, but no {lacking[0]!r}: give both train "
                        "and test (val may be left out), or class folders alone")
    listing = {part: list_images(folder / part) for part in present}
    for part in present:
        unknown = sorted(set(listing[part]) - set(listing["train"]))
        if unknown:
            raise UserError(f"the class folder {str(folder / part / unknown[0])!r} has no counterpart in "
                            f"{str(folder / 'train')!r}: add training images, or remove it")
    return listing


def class_names(folder: Path, classes: Iterable[str]) -> dict[str, str]:
    """{class folder name: class name}: those of classnames.json, else the folder's name."""
    names = {name: name for name in classes}
    for name, value in (read_table(folder / NAMES) if (folder / NAMES).exists() else {}).items():
        if name not in names:
            raise UserError(f"{str(folder / NAMES)!r} names {name!r}, but there is no such class folder: correct it")
        if not isinstance(value, str) or not value.strip():
            raise UserError(f"{str(folder / NAMES)!r} gives {name!r} the name {value!r}: give a text")
        names[name] = value
    return names


def make_parts(listing: Listing, names: dict[str, str]) -> Parts:
    """Split a listing; labels in the order of the sorted folder names."""
    labels = {name: label for label, name in enumerate(names)}
    items = {part: [(f"{part}/{name}/{file}" if part else f"{name}/{file}", labels[name], names[name])
                    for name, files in images.items() for file in files] for part, images in listing.items()}
    if "" in items:
        return split_in_three(items[""])
    if "val" in items:
        return {part: items[part] for part in PARTS}
    return split_off_validation(items["train"], items["test"])


def read_saved(path: Path, listing_digest: str) -> Split | None:
    """The split that was made of the same files; None if there is none."""
    if not path.exists():
        return None
    try:
        content = read_table(path)
        if content.get("listing_digest") == listing_digest:
            return read_split(path)
        print(f"the files below {path.parent} have changed: they are split anew")
    except UserError:
        print(f"{path} is damaged: the files are split anew")
    return None
