"""Files and folders: JSON, listing, downloads."""
import json
import os
import shutil
import urllib.request
import warnings
from typing import Any

from tqdm import tqdm

from compat.errors import DamagedFileError, MissingFileError
from compat.files import atomic_write, write_file


def mkdir_if_missing(dirname: str) -> None:
    """Make a folder and those above it; nothing happens if it exists or is ""."""
    if dirname:
        os.makedirs(dirname, exist_ok=True)


def check_isfile(fpath: str) -> bool:
    """Whether a file exists; warns if not."""
    exists = os.path.isfile(fpath)
    if not exists:
        warnings.warn(f"there is no file {fpath!r}", stacklevel=2)
    return exists


def read_json(fpath: str) -> Any:
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


def write_json(obj: object, fpath: str) -> None:
    """Write a JSON file atomically, its folder too if it is missing."""
    write_file(fpath, json.dumps(obj, indent=4) + "\n")


def listdir_nohidden(path: str, sort: bool = False) -> list[str]:
    """Names in a folder, without those that start with a dot."""
    names = [name for name in os.listdir(path) if not name.startswith(".")]
    return sorted(names) if sort else names


def download_url(url: str, dst: str) -> None:
    """Download a file: ``dst`` is complete or as it was before. A terminal shows the progress.

    Raises:
        OSError: the address does not answer. DamagedFileError: the answer ends early. WriteError: see ``atomic_write``.
    """
    with urllib.request.urlopen(url) as answer:
        size = int(answer.headers.get("Content-Length") or 0)
        with atomic_write(dst) as file, tqdm.wrapattr(
                answer, "read", total=size or None, desc=os.path.basename(dst), disable=None) as source:
            shutil.copyfileobj(source, file)
            if file.tell() < size:
                raise DamagedFileError(f"{url!r} gave {file.tell()} of {size} bytes: try again")
