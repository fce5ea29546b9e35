"""Files of records in an output folder: what runs append to them, and what tables and figures read from them.

    results.jsonl      one line of JSON an evaluation; every table is made from these
    training.jsonl     one line an epoch of training
    efficiency.jsonl   one line a measurement of speed and memory
"""
import errno
import hashlib
import json
import os
from pathlib import Path

from compat.errors import UserError

RECORDS_FILE = "results.jsonl"
TRAINING_FILE = "training.jsonl"
EFFICIENCY_FILE = "efficiency.jsonl"

# Where a run is stored or how fast it goes; these keys change no result.
NOT_IN_DIGEST = ("OUTPUT_DIR", "RESUME", "DATASET.ROOT", "DATALOADER.NUM_WORKERS", "VERBOSE", "TRAIN.PRINT_FREQ",
                 "USE_CUDA")

# Folders of other runs: what counts is which run lies there, not where.
FOLDERS_OF_RUNS = ("MAO.BASE_DIR",)

# Two lines of one file that agree in these are of the same thing; the later one counts.
RUN = ("trainer", "dataset", "seed", "shots", "classes", "stage", "config_digest")
IDENTITY = (*RUN, "split", "epoch")  # an evaluation
EPOCH = (*RUN, "epoch")  # an epoch of training
MEASUREMENT = ("trainer", "dataset", "num_classes", "batch_size", "device", "date")  # of speed and memory


# Configuration

def flat_config(cfg, prefix=""):
    """{"OPTIM.LR": 0.002, ...} of a nested config."""
    flat = {}
    for key, value in cfg.items():
        if isinstance(value, dict):
            flat.update(flat_config(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat


def settings_of(cfg):
    """{key: value} of all config values that can change a result, as JSON gives them back (tuples are lists)."""
    flat = {key: value for key, value in flat_config(cfg).items() if key not in (*NOT_IN_DIGEST, *FOLDERS_OF_RUNS)}
    return json.loads(json.dumps(flat, sort_keys=True, default=str))


def parents_of(cfg):
    """{key: digest of the run} of the folders of other runs that a config names; the folder where it has no records."""
    folders = {key: value for key, value in flat_config(cfg).items() if key in FOLDERS_OF_RUNS and value}
    return {key: digest_of_run(folder) or str(folder) for key, folder in folders.items()}


def config_digest(cfg, parents=None):
    """SHA-256, as hex digits, of all config values that can change a result.

    Args:
        cfg: a config. parents: {key: digest} of the runs in the folders that the config names, for runs that have not
            started yet; default: read from those folders.
    """
    parts = [settings_of(cfg), parents_of(cfg) if parents is None else parents]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


# Records

def append_record(folder, record, name=RECORDS_FILE):
    """Append one record to a file of records, ``<folder>/results.jsonl`` by default, as a whole line or not at all.

    A last line that a killed run left unfinished is removed first.

    Raises:
        OSError: the disk is full or the folder cannot be written to; the file is then as it was before.
    """
    line = (json.dumps(record, sort_keys=True) + "\n").encode()
    os.makedirs(folder, exist_ok=True)
    handle = os.open(os.path.join(folder, name), os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
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


def drop_unfinished_line(handle):
    """Cut an open file behind its last newline; returns the size it then has, in bytes."""
    size = os.fstat(handle).st_size
    content = os.pread(handle, size, 0)
    whole = content.rfind(b"\n") + 1
    if whole < size:
        os.ftruncate(handle, whole)
    return whole


def find_record_files(paths, name=RECORDS_FILE):
    """The files of records that are, or lie anywhere below, the given paths, sorted.

    A path that is itself a file is taken whatever its name, but stands for the evaluations alone.

    Raises:
        UserError: a path does not exist.
    """
    found = []
    for path in map(Path, paths):
        if not path.exists():
            raise UserError(f"{str(path)!r} does not exist: give an output folder or a {name}")
        if path.is_dir():
            found.extend(path.rglob(name))
        elif name == RECORDS_FILE or path.name == name:
            found.append(path)
    return sorted(set(found))


def read_lines(paths, name, identity_keys, skip_bad=False):
    """Records in the given files and in all files called ``name`` below the given folders.

    Of several records of a file that agree in ``identity_keys`` the last one stands.

    Args:
        paths: files or folders. skip_bad: leave out lines that cannot be read instead of raising.

    Returns:
        list of dicts, with the folder of the file as ``folder``.

    Raises:
        UserError: a path does not exist, or a line is not a record.
    """
    records = {}
    for path in find_record_files(paths, name):
        lines = path.read_bytes().decode("utf-8", errors="replace").split("\n")
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
                identity = (path, *(record[key] for key in identity_keys))
                record["folder"] = str(path.parent)
                records.pop(identity, None)  # so that the order is that of the records that stand
                records[identity] = record
            except (ValueError, KeyError, TypeError) as error:
                if not skip_bad:
                    raise UserError(f"{str(path)!r}, line {number} is not a record of {WHAT[name]} "
                                    f"({type(error).__name__}: {error}): remove it, or skip such lines") from error
    return list(records.values())


WHAT = {RECORDS_FILE: "an evaluation", TRAINING_FILE: "an epoch", EFFICIENCY_FILE: "a measurement"}


def read_records(paths, skip_bad=False):
    """Evaluations (results.jsonl); see ``read_lines``. Records of older versions lack settings, source and parent."""
    return read_lines(paths, RECORDS_FILE, IDENTITY, skip_bad)


def read_training(paths, skip_bad=False):
    """Epochs of training (training.jsonl); see ``read_lines``."""
    return read_lines(paths, TRAINING_FILE, EPOCH, skip_bad)


def read_efficiency(paths, skip_bad=False):
    """Measurements of speed and memory (efficiency.jsonl); see ``read_lines``."""
    return read_lines(paths, EFFICIENCY_FILE, MEASUREMENT, skip_bad)


def last_record(folder):
    """The last record that a run wrote, of training or else of an evaluation; None if there is none to be read."""
    for name, keys in ((TRAINING_FILE, EPOCH), (RECORDS_FILE, IDENTITY)):
        path = Path(folder) / name
        if path.is_file():
            records = read_lines([path], name, keys, skip_bad=True)
            if records:
                return records[-1]
    return None


def digest_of_run(folder):
    """config_digest of the run in an output folder; "" if there is no record of it."""
    record = last_record(folder) if folder else None
    return record["config_digest"] if record else ""
