"""Files and folders: JSON, listing, downloads."""
import contextlib
import json
import os
import sys
import urllib.request
import warnings

from compat.errors import DamagedFileError, MissingFileError
from compat.files import atomic_write, remove_temporary_files  # noqa: F401  part of dassl.utils here


def mkdir_if_missing(dirname):
    """Make a folder and those above it; nothing happens if it exists or is ""."""
    if dirname:
        os.makedirs(dirname, exist_ok=True)


def check_isfile(fpath):
    """Whether a file exists; warns if not."""
    exists = os.path.isfile(fpath)
    if not exists:
        warnings.warn(f"there is no file {fpath!r}", stacklevel=2)
    return exists


def read_json(fpath):
    """Contents of a JSON file.

    Raises:
        MissingFileError, DamagedFileError: the sentence names the file.
    """
    if not os.path.isfile(fpath):
        raise MissingFileError(f"there is no file {fpath!r}")
    try:
        with open(fpath, encoding="utf-8") as file:
            return json.load(file)
    except ValueError as error:
        raise DamagedFileError(f"{fpath!r} is not valid JSON ({error}): restore or delete it") from error


def write_json(obj, fpath):
    """Write a JSON file atomically, its folder too if it is missing."""
    with atomic_write(fpath, "w") as file:
        json.dump(obj, file, indent=4)
        file.write("\n")


def listdir_nohidden(path, sort=False):
    """Names in a folder, without those that start with a dot."""
    names = [name for name in os.listdir(path) if not name.startswith(".")]
    return sorted(names) if sort else names


def download_url(url, dst):
    """Download a file to ``dst``, with a progress line on a terminal."""
    def report(blocks, block_size, total):
        if total > 0 and sys.stderr.isatty():
            sys.stderr.write(f"\r{os.path.basename(dst)} {min(100, 100 * blocks * block_size // total)} %")

    mkdir_if_missing(os.path.dirname(dst))
    temporary = f"{dst}.{os.getpid()}.tmp"
    try:
        urllib.request.urlretrieve(url, temporary, report)
        os.replace(temporary, dst)
    finally:
        with contextlib.suppress(OSError):
            os.remove(temporary)
