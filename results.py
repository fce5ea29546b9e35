"""Records of evaluations (results.jsonl) and the mark of a finished run (done).

Each evaluation appends one line of JSON to ``<OUTPUT_DIR>/results.jsonl``. Every table and figure is made from these
lines. ``done`` is written last, when a run has come to its end.
"""
import errno
import hashlib
import json
import os
import platform
import re
import resource
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

RECORDS_FILE = "results.jsonl"
DONE_FILE = "done"

# Where a run is stored or how fast it goes; these keys change no result.
NOT_IN_DIGEST = ("OUTPUT_DIR", "RESUME", "DATASET.ROOT", "DATALOADER.NUM_WORKERS", "VERBOSE", "TRAIN.PRINT_FREQ",
                 "USE_CUDA")

# Two records that agree in these are of the same evaluation; the later one counts.
IDENTITY = ("trainer", "dataset", "seed", "shots", "classes", "split", "stage", "epoch", "config_digest")


class ResultsError(ValueError):
    """One sentence that names the file, what is wrong and the remedy; the command line exits with 2."""

    exit_code = 2


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


def config_digest(cfg):
    """SHA-256, as hex digits, of all config values that can change a result."""
    flat = {key: value for key, value in flat_config(cfg).items() if key not in NOT_IN_DIGEST}
    return hashlib.sha256(json.dumps(flat, sort_keys=True, default=str).encode()).hexdigest()


# The file done

def mark_done(folder, key):
    """Write the file ``done`` of a run atomically; ``key`` says which run it was."""
    temporary = Path(folder) / (DONE_FILE + ".tmp")
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(key + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, Path(folder) / DONE_FILE)


def done_key(folder):
    """Key of the finished run in a folder; None if there is none."""
    try:
        return (Path(folder) / DONE_FILE).read_text(encoding="utf-8").strip() or None
    except (FileNotFoundError, NotADirectoryError):
        return None


# Records

def append_record(folder, record):
    """Append one record to ``<folder>/results.jsonl``, as a whole line or not at all.

    A last line that a killed run left unfinished is removed first.

    Raises:
        OSError: the disk is full or the folder cannot be written to; the file is then as it was before.
    """
    line = (json.dumps(record, sort_keys=True) + "\n").encode()
    os.makedirs(folder, exist_ok=True)
    handle = os.open(os.path.join(folder, RECORDS_FILE), os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        size = drop_unfinished_line(handle)
        try:
            if os.write(handle, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), os.path.join(folder, RECORDS_FILE))
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


def find_record_files(paths):
    """The results.jsonl files that are, or lie anywhere below, the given paths, sorted.

    Raises:
        ResultsError: a path does not exist.
    """
    found = []
    for path in map(Path, paths):
        if not path.exists():
            raise ResultsError(f"{str(path)!r} does not exist: give an output folder or a {RECORDS_FILE}")
        found.extend([path] if path.is_file() else path.rglob(RECORDS_FILE))
    return sorted(set(found))


def read_records(paths, skip_bad=False):
    """Records of the given files and of all results.jsonl below the given folders.

    Of several records of the same evaluation in the same folder the last one stands.

    Args:
        paths: files or folders. skip_bad: leave out lines that cannot be read instead of raising.

    Returns:
        list of dicts, with the folder of the file as ``folder``.

    Raises:
        ResultsError: a path does not exist, or a line is not a record.
    """
    records = {}
    for path in find_record_files(paths):
        lines = path.read_bytes().decode("utf-8", errors="replace").split("\n")
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
                identity = (path, *(record[key] for key in IDENTITY))
                record["folder"] = str(path.parent)
                records.pop(identity, None)  # so that the order is that of the records that stand
                records[identity] = record
            except (ValueError, KeyError, TypeError) as error:
                if not skip_bad:
                    raise ResultsError(f"{str(path)!r}, line {number} is not a record of an evaluation "
                                       f"({type(error).__name__}: {error}): remove it, or skip such lines") from error
    return list(records.values())


# Recording

def record_evaluations(trainer, cfg, engine=""):
    """Make every evaluation of a Dassl trainer append a record to ``<OUTPUT_DIR>/results.jsonl``.

    Works from outside, by wrapping methods of this one trainer, so that it fits any trainer on any Dassl.

    Args:
        trainer: a built trainer whose evaluator counts in ``_correct`` and ``_total``. cfg: its config.
        engine: which Dassl is in use, for the record.
    """
    Recorder(trainer, cfg, engine)


class Recorder:
    """Follows what a trainer does and writes a record when its evaluator has evaluated."""

    def __init__(self, trainer, cfg, engine):
        self.trainer = trainer
        self.constant = {
            "trainer": cfg.TRAINER.NAME,
            "dataset": cfg.DATASET.NAME,
            "seed": cfg.SEED,
            "shots": cfg.DATASET.NUM_SHOTS,
            "classes": cfg.DATASET.SUBSAMPLE_CLASSES,
            "config_digest": config_digest(cfg),
            "split_digest": getattr(trainer.dm.dataset, "split_digest", ""),
            "versions": versions(),
            "engine": engine,
            "device": device_name(trainer.device),
        }
        self.folder = cfg.OUTPUT_DIR
        self.split = self.test_split(None)
        self.start = time.perf_counter()
        self.loaded_epoch = None  # of the checkpoint whose parameters the model has, unless it was trained since
        self.wrap(trainer, "test", before=self.starts_test)
        self.wrap(trainer, "run_epoch", before=self.forget_loaded)
        self.wrap(trainer, "after_train", before=self.forget_loaded)  # which may load the best checkpoint
        self.wrap(trainer, "load_model", after=self.loads)
        self.wrap(trainer.evaluator, "evaluate", after=self.evaluates)

    @staticmethod
    def wrap(owner, name, before=None, after=None):
        """Call ``before(*args)`` and ``after(result, *args)`` around a method of one object."""
        method = getattr(owner, name, None)
        if method is None:
            return

        def wrapper(*args, **kwargs):
            if before is not None:
                before(*args, **kwargs)
            result = method(*args, **kwargs)
            if after is not None:
                after(result, *args, **kwargs)
            return result

        setattr(owner, name, wrapper)

    def test_split(self, split):
        """The split that Dassl's ``test(split)`` evaluates: val where it is asked for and there, else test."""
        split = split or self.trainer.cfg.TEST.SPLIT
        return "val" if split == "val" and self.trainer.val_loader is not None else "test"

    def starts_test(self, split=None):
        self.split = self.test_split(split)
        self.start = time.perf_counter()

    def forget_loaded(self, *_, **__):
        self.loaded_epoch = None

    def loads(self, _, directory, epoch=None):
        self.loaded_epoch = checkpoint_epoch(directory, self.trainer.get_model_names(), epoch)

    def epoch(self):
        """Epochs that the model was trained for; 0 if there is nothing to train."""
        trainer = self.trainer
        if not trainer.get_model_names():
            return 0
        if self.loaded_epoch is not None:
            return self.loaded_epoch
        return max(trainer.epoch + 1, trainer.start_epoch)  # the latter where a finished training was resumed

    def evaluates(self, metrics):
        evaluator = self.trainer.evaluator
        correct, total = int(evaluator._correct), int(evaluator._total)
        append_record(self.folder, {
            **self.constant,
            "split": self.split,
            "num_classes": self.trainer.num_classes,
            "correct": correct,
            "total": total,
            "accuracy": 100.0 * correct / total,
            "macro_f1": float(metrics["macro_f1"]),
            "epoch": self.epoch(),
            "stage": getattr(self.trainer, "mao_stage", ""),
            "seconds": round(time.perf_counter() - self.start, 3),
            "peak_memory_mb": round(peak_memory_mb(self.trainer.device), 1),
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        })


def checkpoint_epoch(directory, model_names, epoch):
    """Number of the epoch that ``load_model(directory, epoch)`` loads; None if that cannot be told.

    Without a number that is the best checkpoint if there is one, else the newest; a negative number is the newest.
    """
    if epoch is not None and epoch >= 0:
        return int(epoch)
    if not directory or not model_names:
        return None
    folder = Path(directory) / model_names[0]
    try:
        if epoch is None and (folder / "model-best.pth.tar").is_file():
            from dassl.utils import load_checkpoint

            return int(load_checkpoint(str(folder / "model-best.pth.tar"))["epoch"])
        newest = re.search(r"-(\d+)\s*$", (folder / "checkpoint").read_text(encoding="utf-8"))
    except OSError:
        return None
    return int(newest.group(1)) if newest else None


def versions():
    """Versions of Python and of the packages that results may depend on."""
    import numpy
    import torch
    import torchvision

    return {"python": platform.python_version(), "torch": torch.__version__, "torchvision": torchvision.__version__,
            "numpy": numpy.__version__}


def device_name(device):
    """"cpu", or the name of the GPU."""
    import torch

    if torch.device(device).type == "cuda":
        return torch.cuda.get_device_name(device)
    return str(device)


def peak_memory_mb(device):
    """Most memory that this process had so far, in MB: of the GPU where one is in use, else of the main process."""
    import torch

    if torch.device(device).type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage counts in bytes there, in KiB on Linux
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
