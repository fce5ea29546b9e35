"""Get the files of one data set: fetch, check and unpack them, and note where they came from."""
import fcntl
import json
import os
import shutil
import tempfile
from datetime import datetime, timezone
from pathlib import Path

from compat.errors import UserError
from compat.files import write_file

from .checksum import digests
from .drive import fetch_drive
from .extract import extract
from .fetch import fetch
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
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".download.lock", "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"{name}: waiting for another download into {folder}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        for file in source["splits"] if splits_only else [*source["splits"], *source["files"]]:
            try:
                if "take" in file:
                    get_archive(name, file, folder, keep)
                else:
                    get_file(name, file, folder / file["to"])
            except UserError as error:
                failed.append(str(error))
    if splits_only or all(is_there(folder / path) for path in source.get("present", ())):
        return [], failed
    return [step.format(folder=folder) for step in source["by_hand"]], failed


def is_there(path: Path) -> bool:
    """Whether there is such a file, or such a folder with something in it."""
    return path.is_file() or path.is_dir() and any(path.iterdir())


def get_file(name: str, file: File, target: Path) -> None:
    """Get a file that is used as it is."""
    if target.exists():
        print(f"{name}: {target} is there already")
    else:
        get(name, file, target)


def get_archive(name: str, file: File, folder: Path, keep: bool) -> None:
    """Get an archive and put what is taken from it into the data set's folder, all of it or nothing."""
    sign = folder / next(iter(file["take"].values()))
    if is_there(sign):
        print(f"{name}: {sign} is there already")
        return
    archive = folder / (file.get("name") or file["url"].rpartition("/")[2])
    if archive.exists():
        check_archive(archive, file.get("checksum"))
    else:
        get(name, file, archive)
    unpack(archive, file, folder)
    if not keep:
        archive.unlink()


def check_archive(archive: Path, checksum: str | None) -> None:
    """Raise UserError if an archive that was there already is another one than the table knows."""
    kind, _, wanted = (checksum or "").partition(":")
    if wanted and digests(archive)[kind] != wanted:
        raise UserError(f"{str(archive)!r} is there already, but its {kind} is not {wanted}: remove it, then it is "
                        "downloaded")


def get(name: str, file: File, target: Path) -> None:
    """Fetch a file from its address or from Google Drive, and note that beside it."""
    checksum = file.get("checksum")
    if "url" in file:
        address, digest = file["url"], fetch(file["url"], target, checksum)
    else:
        address = f"https://drive.google.com/uc?id={file['drive']}"
        digest = fetch_drive(file["drive"], target, checksum)
    log = target.parent / LOG
    try:
        known = json.loads(log.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    date = datetime.now(timezone.utc).isoformat(timespec="seconds")
    known[target.name] = {"address": address, "sha256": digest, "date": date}
    write_file(log, json.dumps(known, indent=1) + "\n")
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
