"""Split files in CoOp's JSON format: {"train": [[path, label, class name], ...], "val": [...], "test": [...]}."""
import hashlib
import json
import reprlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from compat.errors import UserError

from .plain_files import read_plain

Item = tuple[str, int, str]
"""(path relative to the image folder, label, class name)."""

Parts = dict[str, list[Item]]
"""{"train": items, "val": items, "test": items}."""

PARTS = ("train", "val", "test")
MOST_CLASSES = 10**6


@dataclass(frozen=True)
class Split:
    """The items of each part, and where they come from.

    Attributes:
        digest: SHA-256, as hex digits, of what the parts were read from; few-shot draws are bound to it.
        official: False for a random split that was made here.
        everything: paths of all images, where a config chooses among them what is in the parts.
    """

    parts: Parts
    digest: str
    official: bool = True
    everything: Sequence[str] = ()


def read_split(path: Path) -> Split:
    """Read a split file; items stay in the order of the file.

    Raises:
        UserError: the file is missing or is not in the format.
    """
    try:
        content = read_plain(path)
    except OSError as error:
        raise UserError(f"cannot read the split file {str(path)!r} ({error.strerror}): put it there, or correct "
                        "--root (DATASET.ROOT)") from error
    try:
        table = json.loads(content, object_pairs_hook=as_table)
        parts = {part: [as_item(entry) for entry in as_list(table[part])] for part in PARTS}
    except SeveralLabelsError as error:
        raise UserError(f"the split file {str(path)!r}: {error}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        reason = f"no entry {error}" if isinstance(error, KeyError) else error
        raise UserError(f"the split file {str(path)!r} is damaged ({reason}): get it again") from error
    return Split(parts, hashlib.sha256(content).hexdigest())


def as_table(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object; ValueError if it names something twice, of which json would keep the last one."""
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError("it has a part twice")
    return table


def as_list(value: object) -> list:
    if not isinstance(value, list):
        raise ValueError(f"{shown(value)} is no list of images")
    return value


class SeveralLabelsError(ValueError):
    """An image has several labels, which no method here can learn from."""


def several_labels(what: str) -> str:
    """The sentence on data where an image has several labels."""
    return (f"{what} has several labels, but all methods here choose one class per image: give each image one label, "
            "or leave it out")


def as_item(entry: list) -> Item:
    """One entry of a split file as an item; ValueError if it is none."""
    if not isinstance(entry, list) or len(entry) != 3:
        raise ValueError(f"{shown(entry)} is not [path, label, class name]")
    path, label, classname = entry
    if isinstance(label, list):
        raise SeveralLabelsError(several_labels(shown(path)))
    if not isinstance(path, str) or type(label) is not int or not isinstance(classname, str):
        raise ValueError(f"{shown(entry)} is not [path, label, class name]")
    if abs(label) >= MOST_CLASSES:
        raise ValueError(f"the label {shown(label)} of {shown(path)} is no number of a class")
    return path, label, classname


def shown(value: object) -> str:
    """``repr`` of something that may be long or deeply nested, cut to about a line."""
    short = reprlib.Repr()
    short.maxstring = short.maxlong = 80
    return short.repr(value)


def digest_of(content: object) -> str:
    """SHA-256, as hex digits, of something as JSON text."""
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def group_by_label(items: Iterable[Item]) -> dict[int, list[Item]]:
    """{label: items} in order of first appearance."""
    groups: dict[int, list[Item]] = {}
    for item in items:
        groups.setdefault(item[1], []).append(item)
    return groups
