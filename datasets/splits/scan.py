"""Which images lie in the class folders of a data set: one directory listing per class, kept in a cache.

ImageNet has 1.28 million files; asking the disk about each of them would take minutes. Here only the class folders
are asked for, and those that did not change since the cache was written are not even listed again.
"""
import contextlib
import json
import os
import sys
import time
from collections.abc import Container, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from compat.errors import UserError
from compat.files import write_file

from .images import is_file
from .plain_files import read_plain

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".pgm", ".tif", ".tiff", ".gif")  # in any case
THREADS = 8  # listing waits for the disk or the network, not for Python
RECENT_NS = 2 * 10**9  # file systems may give the same time to changes that are this close together
CACHE_FORMAT = 2

State = tuple[int, int]
"""(modification time in ns, inode) of a folder: the time alone goes along when a data root is copied."""

Cache = dict[str, tuple[State, list[str]]]
"""{class folder name: (its state, file names)}."""


def list_images(folder: Path, cache: Path | None = None, skip: Container[str] = ()) -> dict[str, list[str]]:
    """Names of the images in each class folder.

    Hidden files and folders are left out, and so is everything that has no image suffix.

    Args:
        folder: the folder that holds the class folders.
        cache: file that keeps the result; a class folder whose state is the one noted there is not listed again. A
            cache that cannot be read or written costs nothing but time.
        skip: folders that are no class.

    Returns:
        {class folder name: sorted list of file names}, sorted by class folder name.

    Raises:
        UserError: the folder is missing or has no class folder, a class folder cannot be read or holds no image, an
            image is no regular file, or a name is not UTF-8.
    """
    states = {name: state for name, state in class_folders(folder).items() if name not in skip}
    known = {} if cache is None else read_cache(cache)
    started = time.time_ns()
    changed = [name for name, state in states.items() if name not in known or known[name][0] != state]
    with ThreadPoolExecutor(THREADS) as pool:
        listings = pool.map(lambda name: (name, list_folder(folder / name)), changed)
        fresh = dict(tqdm(listings, f"listing {folder.name}", len(changed), delay=2, leave=False))
    images = {name: fresh[name] if name in fresh else known[name][1] for name in states}
    if cache is not None and (changed or len(known) != len(states)):
        # A folder that changed just now may change again without getting another time: it is listed again next time.
        write_cache(cache, {name: (state, images[name]) for name, state in states.items()
                            if state[0] < started - RECENT_NS})
    empty = [name for name, names in images.items() if not names]
    if empty:
        more = f" (and {len(empty) - 1} more)" if len(empty) > 1 else ""
        deeper = next(iter(nested_images(folder / empty[0])), None)
        what = f" of its own{more}, but {deeper!r}: move such images up, or name them in a csv (DATASET.SPLIT_FILE)" \
            if deeper else f"{more}: fill it or remove it"
        raise UserError(f"the class folder {str(folder / empty[0])!r} holds no image{what}")
    return images


def class_folders(folder: Path) -> dict[str, State]:
    """{name: state} of the class folders in a folder, sorted by name."""
    found = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):  # a circle of links, or gone since
                    if not entry.name.startswith(".") and entry.is_dir():
                        status = entry.stat()
                        found[entry.name] = status.st_mtime_ns, status.st_ino
    except OSError as error:
        raise UserError(f"cannot list {str(folder)!r} ({error.strerror}): put the images there, or correct --root "
                        "(DATASET.ROOT)") from error
    if not found:
        flat = sum(map(is_image, os.listdir(folder)))
        what = f"{flat} images, but no class folder" if flat else "no class folder"
        raise UserError(f"{str(folder)!r} holds {what}: put one folder of images per class there")
    check_utf8(folder, found)
    return dict(sorted(found.items()))


def list_folder(folder: Path) -> list[str]:
    """Sorted names of the images in one folder."""
    try:
        with os.scandir(folder) as entries:
            images = {entry.name: is_file(entry) for entry in entries if is_image(entry.name)}
    except OSError as error:
        raise UserError(f"cannot list the class folder {str(folder)!r} ({error.strerror}): make it "
                        "readable") from error
    names = sorted(images)
    check_utf8(folder, names)
    odd = next((name for name in names if not images[name]), None)
    if odd:
        raise UserError(f"{str(folder / odd)!r} is no image file but a folder, a pipe, a device or a broken link: "
                        "remove it")
    return names


def nested_images(folder: Path) -> Iterator[str]:
    """Paths, relative to a folder, of the images in folders below it."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if Path(place) != folder:
            yield from (os.path.relpath(os.path.join(place, name), folder) for name in sorted(names) if is_image(name))


def is_image(name: str) -> bool:
    """Whether a file name is that of an image; hidden files (as of macOS archives) are none."""
    return not name.startswith(".") and name.lower().endswith(IMAGE_SUFFIXES)


def check_utf8(folder: Path, names: Iterable[str]) -> None:
    """Raise UserError for a name that is not UTF-8: it could be written to no split file."""
    try:
        "/".join(names).encode()  # one call for all, as there may be a million
    except UnicodeEncodeError:
        bad = next(name for name in names if name != name.encode(errors="replace").decode())
        raise UserError(f"a name in {str(folder)!r} is not UTF-8, {os.fsencode(bad)!r}: rename it") from None


def read_cache(path: Path) -> Cache:
    """What a cache file holds; empty, with a line, if it is not of this format or was damaged."""
    if not os.path.lexists(path):
        return {}
    try:
        content = json.loads(read_plain(path))
        if content["format"] < CACHE_FORMAT:
            return {}  # of an earlier version
        return {name: ((int(time), int(inode)), checked_names(names))
                for name, ((time, inode), names) in content["folders"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        print(f"the listing {path} cannot be used ({type(error).__name__}): made again", file=sys.stderr)
        return {}


def checked_names(names: list[str]) -> list[str]:
    """Names of a cache; TypeError or ValueError if there is something else among them."""
    if not isinstance(names, list) or "/" in "".join(names) or not all(map(is_image, names)):
        raise ValueError("not a list of images")
    return names


def write_cache(path: Path, folders: Cache) -> None:
    """Write a cache file atomically, or not at all where that is impossible."""
    with contextlib.suppress(OSError):  # a read-only data root
        # In one piece: json.dump calls write for each of a million names.
        write_file(path, json.dumps({"format": CACHE_FORMAT, "folders": folders}, separators=(",", ":")))
