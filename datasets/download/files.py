"""Get the files of one data set: fetch, check and unpack them, and note where they came from."""
import json
import os
import shutil
import tempfile
from datetime import datetime, timezone
from pathlib import Path

from compat.errors import UserError
from compat.files import write_file

from ..splits.plain_files import read_plain
from .checksum import digests
from .drive import fetch_drive
from .extract import extract
from .fetch import fetch
from .locks import locked
from .sources import File, Source

LOG = ".downloads.json"  # in the data set's folder: what came from where, with checksums


def download(name: str, source: Source, folder: Path, splits_only: bool = False,
             keep: bool = False) -> tuple[list[str], list[str]]:
    """Get the files of one data set.

    Args:
        name: the data set's name. folder: the data set's folder, made if needed.
        splits_only: only split files and class names. keep: do not remove archives after unpacking.

    Returns:
        (steps, failed): what is left to be done by hand, and one sentence per file that could not be had. One failure,
        such as Google's limit for a split file, does not keep the other files from being fetched.

    Raises:
        OSError: the folder cannot be made or written to.
    """
    failed = []
    limit = int(1e9 + 2e9 * (source.get("gigabytes") or 10))  # bytes of one file: no server fills the disk
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / ".download.lock", f"{name}: waiting for another download into {folder}"):
        for file in source["splits"] if splits_only else [*source["splits"], *source["files"]]:
            try:
                if "take" in file:
                    get_archive(name, file, folder, keep, limit)
                elif (target := folder / file["to"]).exists():
                    print(f"{name}: {target} is there already")
                else:
                    get(name, file, target, limit)
            except UserError as error:
                failed.append(str(error))
    if splits_only or all(is_there(folder / path) for path in source.get("present", ())):
        return [], failed
    return [step.format(folder=folder) for step in source["by_hand"]], failed


def is_there(path: Path) -> bool:
    """Whether there is such a file, or such a folder with something in it."""
    return path.is_file() or path.is_dir() and any(path.iterdir())


def get_archive(name: str, file: File, folder: Path, keep: bool, limit: int) -> None:
    """Get an archive and put what is taken from it into the data set's folder, all of it or nothing."""
    sign = folder / next(iter(file["take"].values()))
    if is_there(sign):
        print(f"{name}: {sign} is there already")
        return
    archive = folder / (file.get("name") or file["url"].rpartition("/")[2])
    if archive.exists():
        check_archive(archive, file.get("checksum"))
    else:
        get(name, file, archive, limit)
    unpack(archive, file, folder)
    if not keep:
        archive.unlink()


def check_archive(archive: Path, checksum: str | None) -> None:
    """Raise UserError if an archive that was there already is no file, or another one than the table knows."""
    if not archive.is_file():
        raise UserError(f"{str(archive)!r} is there already, but is no file: remove it, then it is downloaded")
    kind, _, wanted = (checksum or "").partition(":")
    if wanted and digests(archive)[kind] != wanted:
        raise UserError(f"{str(archive)!r} is there already, but its {kind} is not {wanted}: remove it, then it is "
                        "downloaded")


def get(name: str, file: File, target: Path, limit: int) -> None:
    """Fetch a file from its address or from Google Drive, and note that beside it."""
    checksum = file.get("checksum")
    if "url" in file:
        address, digest = file["url"], fetch(file["url"], target, checksum, limit)
    else:
        address = f"https://drive.google.com/uc?id={file['drive']}"
        digest = fetch_drive(file["drive"], target, checksum)
    log = target.parent / LOG
    try:
        known = dict(json.loads(read_plain(log)))
    except (OSError, ValueError, TypeError, RecursionError):
        known = {}
    date = datetime.now(timezone.utc).isoformat(timespec="seconds")
    known[target.name] = {"address": address, "sha256": digest, "date": date}
    try:
        write_file(log, json.dumps(known, indent=1) + "\n")
    except OSError as error:  # the file itself is there
        print(f"{name}: {log} is not written ({error})")
    if not checksum:
        print(f"{name}: no checksum is known for it; it has the SHA-256 {digest}")


def unpack(archive: Path, file: File, folder: Path) -> None:
    """Unpack into a hidden folder, then move what is taken into place, the first one last."""
    for left in folder.glob(".unpacking-*"):  # of a call that was killed; the lock says that none is at work
        shutil.rmtree(left, ignore_errors=True)
    work = Path(tempfile.mkdtemp(dir=folder, prefix=".unpacking-"))
    try:
        extract(archive, work)
        root = work
        if "inner" in file:
            root = work / "inner"
            root.mkdir()
            extract(work / file["inner"], root)
        missing = [path for path in file["take"] if not (root / path).exists()]
        if missing:
            raise UserError(f"the archive {str(archive)!r} does not hold {missing[0]!r}: it is of another version; "
                            "look at the data set's page (docs/datasets.md) and put the files in place by hand")
        for source, target in reversed(file["take"].items()):
            place = folder / target
            if place.is_dir():
                shutil.rmtree(place)  # of a call that was killed before the first one was in place
            os.replace(root / source, place)
    finally:
        shutil.rmtree(work, ignore_errors=True)
