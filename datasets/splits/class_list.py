"""Some classes of a data set, as a file names them (DATASET.CLASSES): beyond base and new."""
import os
from pathlib import Path

from compat.errors import UserError

from .split_file import Parts, shown
from .text_lists import read_lines


def listed_classes(parts: Parts, given: str) -> Parts:
    """Keep the classes of every part that a file names, one a line; numbered 0, 1, ... in the order of their labels.

    A name stands for all classes that have it; capitals and underscores do not matter.

    Raises:
        UserError: there is no such file, it names a class that the data set does not have, or fewer than two.
    """
    path = Path(os.path.expanduser(given))
    if "\0" in given or not path.is_file():
        raise UserError(f"DATASET.CLASSES {given!r} is no file: give one with a class name in each line")
    names = {label: name for _, label, name in parts["train"]}
    known = {plain(name) for name in names.values()}
    wanted = {plain(line): line for line in read_lines(path)}
    unknown = next((line for name, line in wanted.items() if name not in known), None)
    if unknown is not None:
        raise UserError(f"DATASET.CLASSES {given!r} names {shown(unknown)}, which is none of the {len(names)} classes "
                        f"({', '.join(list(names.values())[:3])}, ...): correct the line")
    kept = [label for label in sorted(names) if plain(names[label]) in wanted]
    if len(kept) < 2:
        raise UserError(f"DATASET.CLASSES {given!r} names {len(kept)} of the classes: a classifier needs at least two")
    relabel = {label: new for new, label in enumerate(kept)}
    return {part: [(path, relabel[label], name) for path, label, name in items if label in relabel]
            for part, items in parts.items()}


def plain(name: str) -> str:
    return " ".join(name.replace("_", " ").casefold().split())
