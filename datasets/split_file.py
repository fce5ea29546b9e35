"""Split files in CoOp's JSON format: {"train": [[path, label, class name], ...], "val": [...], "test": [...]}.

Paths are relative to the image folder. An item in memory is a tuple (path, label, class name).
"""
import hashlib
import json
from pathlib import Path

from compat.errors import UserError

PARTS = ("train", "val", "test")


def read_split(path):
    """Read and check a split file.

    Returns:
        ({"train": items, "val": items, "test": items} in the order of the file, SHA-256 of the file as hex digits)

    Raises:
        UserError: the file is missing or is not in the format.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read the split file {str(path)!r} ({error.strerror}): put it there, or correct "
                        "--root (DATASET.ROOT)") from error
    try:
        parts = {part: [as_item(entry) for entry in json.loads(content)[part]] for part in PARTS}
    except (ValueError, KeyError, TypeError) as error:
        reason = f"no entry {error}" if isinstance(error, KeyError) else error
        raise UserError(f"the split file {str(path)!r} is damaged ({reason}): get it again") from error
    return parts, hashlib.sha256(content).hexdigest()


def as_item(entry):
    """(path, label, class name) of one entry of a split file; ValueError if it is none."""
    path, label, classname = entry
    if not isinstance(path, str) or type(label) is not int or not isinstance(classname, str):
        raise ValueError(f"{entry!r} is not [path, label, class name]")
    return path, label, classname


def check_labels(parts, source, test_only=False):
    """Raise UserError unless train's labels are 0, 1, ..., val and test have no others, and each has one name.

    ``test_only``: there is no training part, so that the test part's labels have to be 0, 1, ...

    Two labels may have the same name (ImageNet has such pairs): classes are told apart by label.
    """
    names = {}
    for part in PARTS:
        for path, label, classname in parts[part]:
            if names.setdefault(label, classname) != classname:
                raise UserError(f"{str(source)!r}: label {label} is class {names[label]!r}, but {path!r} says "
                                f"{classname!r}: correct one of them")
    first, kind = ("test", "test") if test_only else ("train", "training")
    for part in dict.fromkeys((first, "test")):
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


def check_duplicates(parts, source):
    """Raise UserError if an image is listed twice: in two classes, in train and test, or in one part."""
    seen = {}
    for part in PARTS:
        for path, _, classname in parts[part]:
            if path in seen:
                raise UserError(f"{str(source)!r} lists the image {path!r} twice, in {seen[path]} and in {part} as "
                                f"{classname!r}: remove one of the entries, or get the split file again")
            seen[path] = f"{part} as {classname!r}"


def group_by_label(items):
    """{label: items} in order of first appearance."""
    groups = {}
    for item in items:
        groups.setdefault(item[1], []).append(item)
    return groups
