"""Download data sets into a data root.

    python -m datasets.download --list
    python -m datasets.download Caltech101 DescribableTextures --root DATA
    python -m datasets.download all --root DATA --splits

Downloads are resumed, checked and unpacked safely; what is there already is left alone. ``--splits`` gets only the
small files that fix splits and class names. What has to be got by hand is printed as steps. Addresses:
``sources.json``.
Exit code 0: all is there; 1: something is left to be done by hand; 2: something failed.
"""
import argparse
import fcntl
import json
import os
import shutil
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY
from dassl.utils import get_most_similar_str_to_a_from_b
from tabulate import tabulate

from compat.errors import UserError
from compat.files import write_file

from .drive import fetch_drive
from .extract import extract
from .fetch import digests, fetch

SOURCES = Path(__file__).resolve().parent / "sources.json"
LOG = ".downloads.json"  # in the data set's folder: what came from where, with checksums


def read_sources(path=None):
    """{data set name: entry} of the table of addresses."""
    table = json.loads(Path(path or SOURCES).read_text(encoding="utf-8"))
    return {name: entry for name, entry in table.items() if not name.startswith("_")}


def download(name, entry, folder, splits_only=False, keep=False):
    """Get the files of one data set.

    Args:
        name: the data set's name. entry: its entry in the table. folder: the data set's folder, made if needed.
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
        for file in entry["splits"] if splits_only else [*entry["splits"], *entry["files"]]:
            try:
                if "take" in file:
                    get_archive(name, file, folder, keep)
                else:
                    get_file(name, file, folder / file["to"])
            except UserError as error:
                failed.append(str(error))
    if splits_only or all(is_there(folder / path) for path in entry.get("present", ())):
        return [], failed
    return [step.format(folder=folder) for step in entry["by_hand"]], failed


def is_there(path):
    """Whether there is such a file, or such a folder with something in it."""
    return path.is_file() or path.is_dir() and any(path.iterdir())


def get_file(name, file, target):
    """Get a file that is used as it is."""
    if target.exists():
        print(f"{name}: {target} is there already")
        return
    digest = get(file, target)
    note(target.parent, target.name, file, digest)


def get_archive(name, file, folder, keep):
    """Get an archive and put what is taken from it into the data set's folder, all of it or nothing."""
    sign = folder / next(iter(file["take"].values()))
    if is_there(sign):
        print(f"{name}: {sign} is there already")
        return
    archive = folder / (file.get("name") or file["url"].rpartition("/")[2])
    if archive.exists():
        check_archive(archive, file.get("checksum"))
    else:
        note(folder, archive.name, file, get(file, archive))
    unpack(archive, file, folder)
    if not keep:
        archive.unlink()


def check_archive(archive, checksum):
    """Raise UserError if an archive that was there already is another one than the table knows."""
    kind, _, wanted = (checksum or "").partition(":")
    if wanted and digests(archive)[kind] != wanted:
        raise UserError(f"{str(archive)!r} is there already, but its {kind} is not {wanted}: remove it, then it is "
                        "downloaded")


def get(file, target):
    """Fetch a file from its address or from Google Drive; returns its SHA-256."""
    if "url" in file:
        return fetch(file["url"], target, file.get("checksum"))
    return fetch_drive(file["drive"], target, file.get("checksum"))


def unpack(archive, file, folder):
    """Unpack into a hidden folder, then move what is taken into place, the first one last."""
    for left in folder.glob(".unpacking-*"):  # of a call that was killed; the lock says that none is at work
        shutil.rmtree(left, ignore_errors=True)
    work = Path(tempfile.mkdtemp(dir=folder, prefix=".unpacking-"))
    try:
        extract(archive, work)
        if "inner" in file:
            inner = work / "inner"
            inner.mkdir()
            extract(work / file["inner"], inner)
            work_root = inner
        else:
            work_root = work
        missing = [path for path in file["take"] if not (work_root / path).exists()]
        if missing:
            raise UserError(f"the archive {str(archive)!r} does not hold {missing[0]!r}: it is of another version; "
                            "look at the data set's page (docs/datasets.md) and put the files in place by hand")
        for source, target in reversed(file["take"].items()):
            place = folder / target
            if place.is_dir():
                shutil.rmtree(place)  # of a call that was killed before the first one was in place
            os.replace(work_root / source, place)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def note(folder, name, file, digest):
    """Note where a file came from and its checksum, for files whose checksum was not known before."""
    path = folder / LOG
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    address = file.get("url") or f"https://drive.google.com/uc?id={file['drive']}"
    date = datetime.now(timezone.utc).isoformat(timespec="seconds")
    known[name] = {"address": address, "sha256": digest, "date": date}
    write_file(path, json.dumps(known, indent=1) + "\n")
    if not file.get("checksum"):
        print(f"{name}: no checksum is known for it; it has the SHA-256 {digest}")


def chosen_names(words, sources):
    """Names that the words of the command line mean; ``all`` means all of the table."""
    if [word.lower() for word in words] == ["all"]:
        return list(sources)
    by_lower = {name.lower(): name for name in [*sources, *DATASET_REGISTRY.registered_names()]}
    for word in words:
        if word.lower() not in by_lower:
            near = get_most_similar_str_to_a_from_b(word, list(sources))
            raise UserError(f"data set {word!r} is unknown: did you mean {near!r}? Give all, or some of "
                            f"{', '.join(sources)}")
    return [by_lower[word.lower()] for word in words]


def overview(sources):
    """The table of --list."""
    rows = []
    for name, entry in sources.items():
        how = "by hand, splits and names from here" if "by_hand" in entry else "from here"
        size = "unknown" if entry["gigabytes"] is None else f"{entry['gigabytes']:g}"
        rows.append([name, DATASET_REGISTRY.get(name).dataset_dir, size, how, entry["terms"]])
    return tabulate(rows, headers=["data set", "folder", "GB, about", "how", "terms"], disable_numparse=True)


def main(argv=None, sources=None):
    import datasets  # noqa: F401  registers the data sets

    parser = argparse.ArgumentParser(prog="python -m datasets.download", description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="data sets, or all")
    parser.add_argument("--root", default="data", help="folder of the data sets (default: data)")
    parser.add_argument("--splits", action="store_true", help="only split files and class names")
    parser.add_argument("--keep", action="store_true", help="keep archives after unpacking")
    parser.add_argument("--list", action="store_true", help="show the data sets and stop")
    args = parser.parse_args(argv)
    sources = sources or read_sources()
    if args.list:
        print(overview(sources))
        return 0
    if not args.names:
        parser.error("give data sets, all, or --list")
    failed, by_hand = [], False
    try:
        names = chosen_names(args.names, sources)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for name in names:
        if name not in sources:
            print(f"{name}: comes with the repository or is your own; there is nothing to download")
            continue
        folder = Path(args.root).expanduser().absolute() / DATASET_REGISTRY.get(name).dataset_dir
        try:
            print(f"{name}: {sources[name]['page']} ({sources[name]['terms']})")
            steps, sentences = download(name, sources[name], folder, args.splits, args.keep)
        except OSError as error:
            failed.append(f"{name}: cannot write into {str(folder)!r} ({error.strerror or error}): make room, or give "
                          "another --root")
            continue
        except KeyboardInterrupt:
            print("\nstopped; the same command goes on from here", file=sys.stderr)
            return 130
        failed += [f"{name}: {sentence}" for sentence in sentences]
        if steps:
            by_hand = True
            print(f"{name}: to be done by hand:")
            for number, step in enumerate(steps, start=1):
                print(f"  {number}. {step}")
        elif not sentences:
            print(f"{name}: ready in {folder}; check it with: python -m datasets.check {name} --root {args.root}")
    for sentence in failed:
        print(f"error: {sentence}", file=sys.stderr)
    return 2 if failed else int(by_hand)


if __name__ == "__main__":
    sys.exit(main())
