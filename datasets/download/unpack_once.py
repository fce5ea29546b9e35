"""Fill a bundled data set's folder once, also when several runs start at the same time."""
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from compat.errors import UserError

from ..splits.plain_files import read_plain
from .extract import extract
from .locks import locked

MARKER = ".archive_sha256"  # in a folder that was filled: digest of what it was made from


def unpack_once(archive: Path, folder: Path) -> None:
    """Make ``folder`` hold the files of a zip archive, and nothing half-unpacked at any time.

    Raises:
        UserError: the archive is missing or damaged, or as ``fill_once``.
    """
    fill_once(folder, archive_digest(archive), lambda fresh: extract(archive, fresh, progress=False), archive.name)


def archive_digest(archive: Path) -> str:
    """SHA-256 of a bundled archive as hex digits."""
    try:
        return hashlib.sha256(archive.read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(f"cannot read the archive {str(archive)!r} ({error.strerror}): get the repository's files "
                        "again") from error


def fill_once(folder: Path, digest: str, fill: Callable[[Path], None], source: str) -> None:
    """Make ``folder`` hold what ``fill(fresh folder)`` writes, and nothing half-made at any time.

    A folder that was made with another digest is replaced. A folder that was not made here is left alone.

    Args:
        folder: its parents are made. digest: names what it is made from. fill: writes into an empty folder.
        source: what it is made from, for messages.

    Raises:
        UserError: the folder cannot be made or is somebody else's.
    """
    if unpacked_digest(folder) == digest:
        return
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder.parent / f".{folder.name}.lock", f"waiting for another run that unpacks {source}"):
            if unpacked_digest(folder) != digest:  # else another run was faster
                replace_folder(folder, digest, fill, source)
    except OSError as error:
        raise UserError(f"cannot unpack {source} into {str(folder)!r} ({error.strerror or error}): give "
                        "--root (DATASET.ROOT) a folder that can be written to and has room") from error


def unpacked_digest(folder: Path) -> str | None:
    """Digest that a folder was made with; None if there is no such folder."""
    try:
        return read_plain(folder / MARKER).decode(errors="replace").strip()
    except OSError:
        return None


def replace_folder(folder: Path, digest: str, fill: Callable[[Path], None], source: str) -> None:
    """Fill a folder beside ``folder``, then put it in its place."""
    if folder.exists() and unpacked_digest(folder) is None:
        raise UserError(f"{str(folder)!r} is there but was not unpacked from {source}: move it away, or "
                        "give another --root (DATASET.ROOT)")
    print(f"unpacking {source} into {folder}")
    work = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        fresh = work / "new"
        fresh.mkdir()
        fill(fresh)
        (fresh / MARKER).write_text(digest + "\n", encoding="utf-8")
        if folder.exists():
            os.rename(folder, work / "old")
        os.rename(fresh, folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
