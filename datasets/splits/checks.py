"""Checks of a split: labels without gaps, one name per label, no image twice, and every image on disk."""
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from compat.errors import UserError

from .split_file import PARTS, Parts

SHOWN = 3  # names that a sentence gives before it says how many more there are


def check_labels(parts: Parts, source: Path | str, test_only: bool = False) -> None:
    """Check that train's labels are 0, 1, ..., that val and test have no others, and that each has one name.

    Two labels may have the same name (ImageNet has such pairs): classes are told apart by label.

    Args:
        parts: as read. source: where they come from, for messages.
        test_only: there is no training part, so the test part's labels have to be 0, 1, ...

    Raises:
        UserError: they do not fit together.
    """
    names: dict[int, str] = {}
    for part in PARTS:
        for path, label, classname in parts[part]:
            if names.setdefault(label, classname) != classname:
                raise UserError(f"{str(source)!r}: label {label} is class {names[label]!r}, but {path!r} says "
                                f"{classname!r}: correct one of them")
    first, kind = ("test", "test") if test_only else ("train", "training")
    for part in (first, "test"):
        if not parts[part]:
            raise UserError(f"{str(source)!r} has no {part} image: get a complete split")
    labels = {label for _, label, _ in parts[first]}
    missing = sorted(set(range(max(labels) + 1)) - labels)
    if missing or min(labels) < 0:
        raise UserError(f"{str(source)!r}: labels have to be 0, 1, ... without a gap in the {first} part, but "
                        f"{missing[0] if missing else min(labels)} is {'missing' if missing else 'there'}: "
                        "number the classes anew")
    for part in ("val", "test"):
        for path, label, classname in parts[part]:
            if label not in labels:
                raise UserError(f"{str(source)!r}: {part} image {path!r} is of class {classname!r} (label {label}), "
                                f"which has no {kind} image: leave it out, or add {kind} images")


def check_duplicates(parts: Parts, source: Path | str) -> None:
    """Raise UserError if an image is listed twice: in two classes, in train and test, or in one part."""
    seen: dict[str, str] = {}
    for part in PARTS:
        for path, _, classname in parts[part]:
            if path in seen:
                raise UserError(f"{str(source)!r} lists the image {path!r} twice, in {seen[path]} and in {part} as "
                                f"{classname!r}: remove one of the entries, or get the split file again")
            seen[path] = f"{part} as {classname!r}"


def check_images(folder: Path, paths: Sequence[str]) -> None:
    """Raise UserError if images are missing; it names the class folder if all of it is."""
    missing = missing_files(folder, paths)
    if not missing:
        return
    folders = missing_folders(folder, missing)
    what = f"the class folder {str(folder / folders[0])!r} is missing" if folders and folders[0] else \
        f"the image {str(folder / missing[0])!r} is missing"
    raise UserError(f"{what} ({len(missing)} of {len(paths)} images that the split lists: {summary(missing)}): "
                    "unpack the data set again, or get the split file that belongs to it")


def missing_files(folder: Path, paths: Iterable[str]) -> list[str]:
    """Those of the paths, relative to ``folder``, that are not there, in their order.

    Each folder is listed once and no single file is asked for, which is fast for a million images too.
    """
    listed: dict[str, set[str]] = {}
    missing = []
    for path in paths:
        parent, _, name = path.rpartition("/")
        if parent not in listed:
            try:
                listed[parent] = set(os.listdir(os.path.join(folder, parent)))
            except OSError:
                listed[parent] = set()
        if name not in listed[parent]:
            missing.append(path)
    return missing


def missing_folders(folder: Path, paths: Iterable[str]) -> list[str]:
    """The folders of the given paths, relative to ``folder``, that are not there, in their order."""
    parents = dict.fromkeys(path.rpartition("/")[0] for path in paths)
    return [parent for parent in parents if not os.path.isdir(os.path.join(folder, parent))]


def summary(names: Sequence[str]) -> str:
    """"a, b, c and 5 more" of a list of names."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
