"""State of a run, as its output folder shows it: not started, incomplete, or done; and of which run that is.

``done`` is written last, when the run has come to its end. Both files hold the key of the run, a digest of everything
that makes it another run.
"""
import hashlib
import os
from pathlib import Path

from experiments.records import config_digest, digest_of_run

STARTED_FILE = "started"
DONE_FILE = "done"


def job_key(cfg, args, parents=None, tested=None):
    """Digest of everything that makes a run of train.py another run.

    Args:
        cfg, args: config and parsed command line. parents, tested: config digests of the runs in the folders that the
            config names ({key: digest}) and in --model-dir, for runs that have not started yet; default: read there.
    """
    if tested is None:
        tested = digest_of_run(args.model_dir) or args.model_dir
    parts = [config_digest(cfg, parents), str(args.eval_only), str(args.load_epoch), tested]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def mark_done(folder, key):
    """Write the file ``done`` of a run atomically; ``key`` says which run it was."""
    mark(folder, DONE_FILE, key)


def mark_started(folder, key):
    """Write the file ``started`` atomically."""
    mark(folder, STARTED_FILE, key)


def mark(folder, name, key):
    temporary = Path(folder) / (name + ".tmp")
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(key + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, Path(folder) / name)


def done_key(folder):
    """Key of the finished run in a folder; None if there is none."""
    return read_key(folder, DONE_FILE)


def started_key(folder):
    """Key of the run that was started in a folder, finished or not; None if there is none."""
    return read_key(folder, STARTED_FILE)


def tests_older_model(folder, model_dir):
    """Whether the run in ``model_dir`` ended after the finished evaluation in ``folder``: it was trained again."""
    try:
        return (Path(model_dir) / DONE_FILE).stat().st_mtime_ns > (Path(folder) / DONE_FILE).stat().st_mtime_ns
    except OSError:
        return False


def read_key(folder, name):
    try:
        return (Path(folder) / name).read_text(encoding="utf-8").strip() or None
    except (FileNotFoundError, NotADirectoryError):
        return None
