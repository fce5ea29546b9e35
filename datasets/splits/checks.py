"""Checks of a split as it is written: labels without gaps, one usable name per label, no path twice."""
import html
import posixpath
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from compat.errors import UserError

from .split_file import PARTS, Parts, several_labels, shown

SHOWN = 3  # names that a sentence gives before it says how many more there are
LONGEST_NAME = 300  # characters of a class name; CLIP reads 77 tokens


def check_labels(parts: Parts, source: Path | str, test_only: bool = False) -> None:
    """Check that train's labels are 0, 1, ..., that val and test have no others, and that each has one usable name.

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
            if label not in names:
                names[label] = classname
                check_class_name(classname, f"{str(source)!r}: label {label}")
            if names[label] != classname:
                raise UserError(f"{str(source)!r}: label {label} is class {names[label]!r}, but {shown(path)} says "
                                f"{shown(classname)}: correct one of them")
    first, kind = ("test", "test") if test_only else ("train", "training")
    for part in (first, "test"):
        if not parts[part]:
            raise UserError(f"{str(source)!r} has no {part} image: get a complete split")
    labels = {label for _, label, _ in parts[first]}
    missing = [label for label in range(len(labels)) if label not in labels]
    if missing:
        fault = f"{min(labels)} is there" if min(labels) < 0 else f"{missing[0]} is missing"
        raise UserError(f"{str(source)!r}: labels have to be 0, 1, ... without a gap in the {first} part, but {fault}: "
                        "number the classes anew")
    for part in ("val", "test"):
        for path, label, classname in parts[part]:
            if label not in labels:
                raise UserError(f"{str(source)!r}: {part} image {shown(path)} is of class {classname!r} (label "
                                f"{label}), which has no {kind} image: leave it out, or add {kind} images")


def check_class_name(name: str, where: str) -> None:
    """Raise UserError for a name that no prompt can hold: empty, endless or with control characters."""
    fault = "an empty class name" if not name.strip() else \
        f"a class name of {len(name)} characters, where {LONGEST_NAME} are allowed" if len(name) > LONGEST_NAME else \
        f"the class name {name!r} with a control character" if any(
            unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in name) else ""
    if fault:
        raise UserError(f"{where} has {fault}: name the class in a few words")


def note_on_names(names: Iterable[str]) -> str:
    """A sentence on class names that are the same in a prompt, as CLIP's tokenizer reads it; "" if there are none."""
    groups: dict[str, list[str]] = {}
    for name in names:
        plain = unicodedata.normalize("NFKC", html.unescape(name)).replace("_", " ").casefold()
        groups.setdefault(" ".join(plain.split()), []).append(repr(name))
    equal = [" = ".join(group) for group in groups.values() if len(group) > 1]
    return f"classes with equal names, which prompts cannot tell apart: {summary(equal)}" if equal else ""


def check_paths(parts: Parts, source: Path | str) -> None:
    """Raise UserError if a path leads out of the image folder, or is listed twice: in two parts, or spelled anew."""
    seen: dict[str, tuple[str, str]] = {}
    for part in PARTS:
        for path, _, classname in parts[part]:
            if path.startswith("/") or ".." in path.split("/") or "\0" in path or not is_utf8(path):
                raise UserError(f"{str(source)!r} lists the image {shown(path)}: a path has to lead from the image "
                                "folder into it, so correct the entry")
            plain = posixpath.normpath(path)
            if plain in seen:
                first, name = seen[plain]
                if first == part and name != classname:
                    raise UserError(f"{str(source)!r}: {several_labels(shown(path))} ({name!r} and {classname!r} in "
                                    f"{part})")
                raise UserError(f"{str(source)!r} lists the image {shown(path)} twice, in {first} as {name!r} and in "
                                f"{part} as {classname!r}: remove one of the entries, or get the split file again")
            seen[plain] = part, classname


def is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def summary(names: Sequence[str]) -> str:
    """"a, b, c and 5 more" of a list of names."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
