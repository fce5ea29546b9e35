"""Files of records in an output folder: what runs append to them, and what tables and figures read from them.

    results.jsonl      one line of JSON per evaluation; every table is made from these
    training.jsonl     one line per epoch of training
    efficiency.jsonl   one line per measurement of speed and memory
"""
import errno
import hashlib
import json
import os
import reprlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from yacs.config import CfgNode

from compat.errors import UserError
from compat.settings import WITHOUT_INFLUENCE, flat_config

Record = dict[str, object]
StrPath = str | os.PathLike[str]

RECORDS_FILE = "results.jsonl"
TRAINING_FILE = "training.jsonl"
EFFICIENCY_FILE = "efficiency.jsonl"

# Two lines of one file that agree in these keys are of the same thing; the later one counts.
RUN = ("trainer", "dataset", "seed", "shots", "classes", "stage", "config_digest")
IDENTITY = (*RUN, "split", "epoch")  # an evaluation
EPOCH = (*RUN, "epoch")  # an epoch of training
MEASUREMENT = ("trainer", "dataset", "num_classes", "batch_size", "device", "date")  # of speed and memory
WHERE_KNOWN = ("identity", "split_digest")  # older records lack them: the same run on other data is another run

# Per file: what a line of it is, and the keys that tell two of them apart
KINDS = {RECORDS_FILE: ("an evaluation", IDENTITY), TRAINING_FILE: ("an epoch", EPOCH),
         EFFICIENCY_FILE: ("a measurement", MEASUREMENT)}

FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)  # the last: Windows would change line ends

# Folders of other runs: what counts is which run lies there, not where.
FOLDERS_OF_RUNS = ("MAO.BASE_DIR",)


# Identity of a configuration

def settings_of(cfg: CfgNode) -> Record:
    """{key: value} of all config values that can change a result, as JSON gives them back (tuples are lists)."""
    left_out = WITHOUT_INFLUENCE | {*FOLDERS_OF_RUNS}
    flat = {key: value for key, value in flat_config(cfg).items() if key not in left_out}
    return json.loads(json.dumps(flat, sort_keys=True, default=str))


def config_digest(cfg: CfgNode) -> str:
    """SHA-256, as hex digits, of all config values that can change a result; folders count by the run in them."""
    folders = {key: str(value) for key, value in flat_config(cfg).items() if key in FOLDERS_OF_RUNS and value}
    parts = [settings_of(cfg), {key: digest_of_run(folder) or folder for key, folder in folders.items()}]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


# Writing

def append_record(folder: StrPath, record: Mapping[str, object], name: str = RECORDS_FILE) -> None:
    """Append one record to a file of records, ``<folder>/results.jsonl`` by default, as a whole line or not at all.

    A last line that a killed run left unfinished is removed first.

    Raises:
        OSError: the disk is full or the folder cannot be written to; the file is then as it was before.
    """
    line = (json.dumps(record, sort_keys=True) + "\n").encode()
    os.makedirs(folder, exist_ok=True)
    handle = os.open(os.path.join(folder, name), FLAGS, 0o644)
    try:
        size = drop_unfinished_line(handle)
        try:
            if os.write(handle, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), os.path.join(folder, name))
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, size)
            raise
    finally:
        os.close(handle)


def drop_unfinished_line(handle: int) -> int:
    """Cut an open file behind its last newline; returns the size it then has, in bytes."""
    size = os.fstat(handle).st_size
    os.lseek(handle, 0, os.SEEK_SET)
    whole = os.read(handle, size).rfind(b"\n") + 1
    if whole < size:
        os.ftruncate(handle, whole)
    return whole


# Reading

@dataclass(frozen=True)
class Line:
    """A record and the place where it stands: the file and the number of the line, from 1."""

    record: Record
    path: Path
    number: int

    def __str__(self) -> str:
        return f"{str(self.path)!r}, line {self.number}"


def find_record_files(paths: Iterable[StrPath], name: str) -> list[Path]:
    """The files of records that are, or lie anywhere below, the given paths, sorted; each once.

    A path that is itself a file is taken whatever its name, but stands for the evaluations alone.

    Raises:
        UserError: a path does not exist, or a folder cannot be read.
    """
    def refuse(error: OSError) -> None:
        raise unreadable(error.filename, error.strerror)

    found: dict[str, Path] = {}
    for given in paths:
        if not os.path.exists(given):
            raise UserError(f"{str(given)!r} does not exist: give an output folder or a {name}")
        if os.path.isdir(given):
            try:
                below = [Path(folder, name) for folder, folders, files in os.walk(given, onerror=refuse)
                         if name in (*folders, *files)]
            except RecursionError as error:
                raise unreadable(given, "folders too deep") from error
        else:
            below = [Path(given)] if name in (RECORDS_FILE, Path(given).name) else []
        for path in below:
            found.setdefault(os.path.realpath(path), path)
    return sorted(found.values())


def unreadable(path: StrPath, why: str | None) -> UserError:
    return UserError(f"cannot read {str(path)!r} ({why}): make it readable, move it away, or give other folders")


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file that hold something, with their numbers, from 1.

    Raises:
        UserError: it is no regular file (a FIFO would be waited for without end), or cannot be read.
    """
    if path.exists() and not path.is_file():
        raise unreadable(path, "not a regular file")
    try:
        with open(path, "rb") as file:
            yield from ((number, line) for number, line in enumerate(file, start=1) if line.strip())
    except OSError as error:
        raise unreadable(path, error.strerror) from error


def parse_json(line: bytes) -> Record:
    """A line as JSON.

    Raises:
        ValueError: it is not UTF-8, or no JSON of the standard, which has no NaN; it has a key twice. RecursionError.
    """
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no number of JSON")

    def once(pairs: list[tuple[str, object]]) -> Record:
        record = dict(pairs)
        if len(record) < len(pairs):
            key, _ = Counter(key for key, _ in pairs).most_common(1)[0]
            raise ValueError(f"key {reprlib.repr(key)} is there twice")
        return record

    return json.loads(line.decode(), parse_constant=refuse, object_pairs_hook=once)


def read_lines(paths: Iterable[StrPath], name: str, skip_bad: bool = False) -> list[Line]:
    """Records in the given files and in all files called ``name`` below the given folders.

    Of several lines of a file that are of the same thing (see ``KINDS``) the last one stands.

    Args:
        paths: files or folders. name: one of the three names of files. skip_bad: leave out lines that cannot be read
            instead of raising.

    Raises:
        UserError: a path does not exist or cannot be read, or a line is not a record.
    """
    what, identity_keys = KINDS[name]
    found: dict[tuple[object, ...], Line] = {}
    for path in find_record_files(paths, name):
        for number, text in numbered_lines(path):
            try:
                record = parse_json(text)
                identity = (path, *(record[key] for key in identity_keys), *(record.get(key) for key in WHERE_KNOWN))
                found.pop(identity, None)  # so that the order is that of the lines that stand
                found[identity] = Line(record, path, number)
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                if not skip_bad:
                    raise UserError(f"{str(path)!r}, line {number} is not a record of {what} "
                                    f"({type(error).__name__}: {error}): remove it, or skip such lines with "
                                    "--skip-bad") from error
    return list(found.values())


def read_records(paths: Iterable[StrPath], name: str = RECORDS_FILE, skip_bad: bool = False) -> list[Record]:
    """As ``read_lines``, without the line numbers; each record has the folder of its file as ``folder``.

    Evaluations of older versions lack settings, source and parent.
    """
    return [{**line.record, "folder": str(line.path.parent)} for line in read_lines(paths, name, skip_bad)]


def last_record(folder: StrPath) -> Record | None:
    """The last record that a run wrote, of training or else of an evaluation; None if there is none to be read."""
    for name in (TRAINING_FILE, RECORDS_FILE):
        path = Path(folder) / name
        lines = read_lines([path], name, skip_bad=True) if path.is_file() else []
        if lines:
            return lines[-1].record
    return None


def digest_of_run(folder: StrPath) -> str:
    """``config_digest`` of the run in an output folder; "" if there is no record of it."""
    record = last_record(folder) if folder else None
    return str(record["config_digest"]) if record else ""
