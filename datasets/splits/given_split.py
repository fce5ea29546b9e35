"""A split that the user gives as DATASET.SPLIT_FILE: read and checked, never written.

Either JSON in the field's format, or a csv with the columns path, label and perhaps split. Labels of a csv are class
names, sorted; without a split column its images are split at random, like class folders.
"""
import csv
import hashlib
import io
import os
import re
from pathlib import Path

from compat.errors import UserError

from .own_split import split_in_three, split_off_validation
from .plain_files import read_plain
from .split_file import PARTS, Item, Parts, Split, read_split, several_labels, shown

PART_OF = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val",
           "test": "test", "testing": "test"}
"""{spelling in small letters: the part that it means}."""
COLUMNS = {"path": ("path", "image", "file", "filename", "filepath", "image_path", "impath"),
           "label": ("label", "class", "classname", "class_name", "category"),
           "split": ("split", "part", "set", "subset")}


def given_path(given: str) -> Path:
    """DATASET.SPLIT_FILE as a path; UserError if no such file is there."""
    path = Path(os.path.expanduser(given))
    if "\0" in given or not path.is_file():
        raise UserError(f"DATASET.SPLIT_FILE {given!r} is no file: correct the path, which is relative to the present "
                        "folder")
    return path


def given_split(path: Path, seed: int) -> Split:
    """The parts of a split file; those of a csv without a split column are drawn with ``seed``.

    Raises:
        UserError: it cannot be read, or is not in the format.
    """
    return read_csv(path, seed) if path.suffix.lower() == ".csv" else read_split(path)


def read_csv(path: Path, seed: int) -> Split:
    try:
        content = read_plain(path)
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"cannot read the table {str(path)!r} ({error}): give a csv in UTF-8 with the columns path, "
                        "label and perhaps split") from error
    lines = [(number, row) for number, row in enumerate(rows[1:], start=2) if any(row)]
    places = columns(path, rows[0] if rows else [])
    found = []
    for number, row in lines:
        if len(row) != len(rows[0]):
            raise UserError(f"{str(path)!r}, row {number} has {len(row)} fields, and the first row {len(rows[0])}: "
                            "correct it")
        image, label, part = (row[places[name]].strip() if name in places else "" for name in COLUMNS)
        if not image or not label:
            raise UserError(f"{str(path)!r}, row {number} has no {'label' if image else 'path'}: correct it")
        if re.search(r"[;|]", label):
            raise UserError(f"{str(path)!r}, row {number}: {several_labels(shown(image))}")
        if part and part.lower() not in PART_OF or not part and "split" in places:
            raise UserError(f"{str(path)!r}, row {number} has the split {shown(part)}: give train, val or test")
        found.append((image.replace("\\", "/"), label, PART_OF.get(part.lower(), "")))
    labels = {name: label for label, name in enumerate(sorted({name for _, name, _ in found}, key=in_order))}
    items: dict[str, list[Item]] = {"": [], **{part: [] for part in PARTS}}
    for image, name, part in found:
        items[part].append((image, labels[name], name))
    if "split" not in places:
        parts: Parts = split_in_three(items[""], seed)
    elif items["val"]:
        parts = {part: items[part] for part in PARTS}
    else:
        parts = split_off_validation(items["train"], items["test"], seed)
    return Split(parts, hashlib.sha256(content + ("" if items["val"] else f" {seed}").encode()).hexdigest())


def columns(path: Path, head: list[str]) -> dict[str, int]:
    """{"path": place, "label": place, "split": place if it is there} in the first row of a table."""
    words = [word.strip().lower() for word in head]
    places = {name: [place for place, word in enumerate(words) if word in known] for name, known in COLUMNS.items()}
    if len(places["path"]) == 1 and len(places["label"]) > 1:
        raise UserError(f"{str(path)!r} has the columns {shown(head)}: {several_labels('each row')}")
    if len(places["path"]) != 1 or len(places["label"]) != 1 or len(places["split"]) > 1:
        raise UserError(f"the first row of {str(path)!r} is {shown(head)}: name the columns path, label and perhaps "
                        "split there, each once, with commas between")
    return {name: found[0] for name, found in places.items() if found}


def in_order(name: str) -> tuple[int, str]:
    """Numbers by their size, then texts."""
    return (int(name), "") if name.isdecimal() and len(name) < 20 else (10**20, name)
