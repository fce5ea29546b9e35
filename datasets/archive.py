"""Unpack a data set's archive once, also when several runs start at the same time."""
import fcntl
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from .errors import DatasetError
from .extract import extract

MARKER = ".archive_sha256"  # in an unpacked folder: digest of the archive that it came from


def unpack_once(archive, folder):
    """Make ``folder`` hold the files of a zip archive, and nothing half-unpacked at any time.

    A folder that came from another version of the archive is replaced. A folder that was not made here is left alone.

    Args:
        archive: path of the zip file. folder: where its files go; its parents are made.

    Raises:
        DatasetError: the archive is missing or damaged, or the folder cannot be made or is somebody else's.
    """
    folder = Path(folder)
    try:
        digest = hashlib.sha256(Path(archive).read_bytes()).hexdigest()
    except OSError as error:
        raise DatasetError(f"cannot read the archive {str(archive)!r} ({error.strerror}): get the repository's files "
                           "again") from error
    if unpacked_digest(folder) == digest:
        return
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with open(folder.parent / f".{folder.name}.lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if unpacked_digest(folder) != digest:  # else another run was faster
                replace_folder(archive, folder, digest)
    except OSError as error:
        raise DatasetError(f"cannot unpack {Path(archive).name} into {str(folder)!r} ({error.strerror or error}): give "
                           "--root (DATASET.ROOT) a folder that can be written to and has room") from error


def unpacked_digest(folder):
    """Digest of the archive that a folder came from; None if there is no such folder."""
    try:
        return (folder / MARKER).read_text(encoding="utf-8").strip()
    except OSError:
        return None


def replace_folder(archive, folder, digest):
    """Unpack beside ``folder``, then put the result in its place."""
    if folder.exists() and unpacked_digest(folder) is None:
        raise DatasetError(f"{str(folder)!r} is there but was not unpacked from {Path(archive).name}: move it away, or "
                           "give another --root (DATASET.ROOT)")
    print(f"unpacking {Path(archive).name} into {folder}")
    work = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        fresh = work / "new"
        fresh.mkdir()
        extract(archive, fresh, progress=False)
        (fresh / MARKER).write_text(digest + "\n", encoding="utf-8")
        if folder.exists():
            os.rename(folder, work / "old")
        os.rename(fresh, folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
