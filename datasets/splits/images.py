"""Checks of a split's images on disk: each has to be there, a regular file, and under one path only."""
import os
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from compat.errors import UserError

from .checks import summary


@dataclass
class Faults:
    """Paths that cannot be used. ``missing``: not there. ``odd``: no regular file. ``twice``: pairs of one file."""

    missing: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    twice: list[tuple[str, str]] = field(default_factory=list)


def check_images(folder: Path, paths: Sequence[str]) -> None:
    """Raise UserError if images are missing, no regular files, or one file under two paths.

    The sentence names the class folder if all of it is missing.
    """
    faults = find_faults(folder, paths)
    if faults.odd:
        raise UserError(f"{str(folder / faults.odd[0])!r} is no image file but a folder, a pipe, a device or a broken "
                        f"link ({len(faults.odd)} of {len(paths)} images: {summary(faults.odd)}): put images there")
    if faults.twice:
        first, second = faults.twice[0]
        raise UserError(f"{first!r} and {second!r} in {str(folder)!r} are one file, through a link or in other letter "
                        f"case ({len(faults.twice)} such pairs): remove one, or make it a copy if both are meant")
    if not faults.missing:
        return
    folders = missing_folders(folder, faults.missing)
    what = f"the class folder {str(folder / folders[0])!r} is missing" if folders and folders[0] else \
        f"the image {str(folder / faults.missing[0])!r} is missing"
    raise UserError(f"{what} ({len(faults.missing)} of {len(paths)} images that the split lists: "
                    f"{summary(faults.missing)}): unpack the data set again, or get the split file that belongs to it")


def find_faults(folder: Path, paths: Iterable[str]) -> Faults:
    """What is wrong with paths relative to ``folder``, in their order.

    Each folder is listed once and no single file is asked for but links, which is fast for a million images too.
    """
    faults, seen, places = Faults(), dict[str, str](), dict[str, str]()
    listed: dict[str, tuple[str, dict[str, str]]] = {}
    for path in paths:
        parent, _, name = path.rpartition("/")
        if parent not in listed:
            where = os.path.join(folder, parent)
            listed[parent] = real_place(where, places), kinds_of_files(where)
        place, kinds = listed[parent]
        kind = kinds.get(name)
        if kind is None:
            faults.missing.append(path)
        elif kind == "odd":
            faults.odd.append(path)
        else:
            file = os.path.realpath(os.path.join(folder, path)) if kind == "link" else f"{place}/{name}"
            if seen.setdefault(file, path) != path:
                faults.twice.append((seen[file], path))
    return faults


def real_place(folder: str, places: dict[str, str]) -> str:
    """A folder without links; one spelling where the file system takes several. ``places``: those met before."""
    real = os.path.realpath(folder)
    known = places.setdefault(unicodedata.normalize("NFC", real).casefold(), real)
    return known if known == real or os.path.exists(real) and os.path.samefile(known, real) else real


def kinds_of_files(folder: str) -> dict[str, str]:
    """{name: "file", "link" (to a file) or "odd"} of what lies in a folder; empty if it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name: ("link" if entry.is_symlink() else "file") if is_file(entry) else "odd"
                    for entry in entries}
    except OSError:
        return {}


def is_file(entry: os.DirEntry[str]) -> bool:
    """Whether an entry of a folder is a regular file or a link to one."""
    try:
        return entry.is_file()
    except OSError:  # a circle of links
        return False


def missing_folders(folder: Path, paths: Iterable[str]) -> list[str]:
    """The folders of the given paths, relative to ``folder``, that are not there, in their order."""
    parents = dict.fromkeys(path.rpartition("/")[0] for path in paths)
    return [parent for parent in parents if not os.path.isdir(os.path.join(folder, parent))]
