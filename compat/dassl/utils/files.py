"""Files and folders: atomic writing, JSON, listing, downloads."""
import contextlib
import glob
import json
import os
import sys
import urllib.request
import warnings

from .errors import DamagedFileError, MissingFileError, WriteError


@contextlib.contextmanager
def atomic_write(path, mode="wb"):
    """Open a file that takes the place of ``path`` when the block ends without an error, and leaves no trace otherwise.

    The folder is made if needed. ``path`` holds either its former or its new contents, also when the process is killed.

    Raises:
        WriteError: the file cannot be written (disk full, no permission, ...).
    """
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        mkdir_if_missing(os.path.dirname(path))
        with open(temporary, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.remove(temporary)
        if isinstance(error, OSError) and not isinstance(error, WriteError):
            raise WriteError(
                f"cannot write {path!r} ({error.strerror or error}): free space or give another folder; what was "
                "there before is kept"
            ) from error
        raise


def remove_temporary_files(folder):
    """Delete what killed processes left of ``atomic_write`` in a folder and its sub-folders of one level."""
    for pattern in ("*.tmp", os.path.join("*", "*.tmp")):
        for path in glob.glob(os.path.join(glob.escape(folder), pattern)):
            if path.split(".")[-2].isdigit():
                with contextlib.suppress(OSError):
                    os.remove(path)


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
