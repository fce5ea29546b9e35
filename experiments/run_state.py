"""State of a run, as its output folder shows it: not started, incomplete, or done; and of which run that is.

``done`` is written last, when the run has come to its end. Both files hold the key of the run, a digest of everything
that makes it another run.
"""
import argparse
import hashlib
from pathlib import Path

from yacs.config import CfgNode

from compat.files import write_file
from experiments.records import config_digest, digest_of_run

STARTED_FILE = "started"
DONE_FILE = "done"


def job_key(cfg: CfgNode, args: argparse.Namespace, parents: dict[str, str] | None = None,
            tested: str | None = None) -> str:
    """Digest of everything that makes a run of train.py another run.

    Args:
        cfg, args: config and parsed command line. parents, tested: config digests of the runs in the folders that the
            config names ({key: digest}) and in --model-dir, for runs that have not started yet; default: read there.
    """
    if tested is None:
        tested = digest_of_run(args.model_dir) or args.model_dir
    parts = [config_digest(cfg, parents), str(args.eval_only), str(args.load_epoch), tested]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def mark_started(folder: str | Path, key: str) -> None:
    """Write the file ``started`` atomically."""
    write_file(Path(folder) / STARTED_FILE, key + "\n")


def mark_done(folder: str | Path, key: str) -> None:
    """Write the file ``done`` of a run atomically; ``key`` says which run it was."""
    write_file(Path(folder) / DONE_FILE, key + "\n")


def started_key(folder: str | Path) -> str | None:
    """Key of the run that was started in a folder, finished or not; None if there is none."""
    return read_key(Path(folder) / STARTED_FILE)


def done_key(folder: str | Path) -> str | None:
    """Key of the finished run in a folder; None if there is none."""
    return read_key(Path(folder) / DONE_FILE)


def read_key(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except (FileNotFoundError, NotADirectoryError):
        return None


def tests_older_model(folder: str | Path, model_dir: str | Path) -> bool:
    """Whether the run in ``model_dir`` ended after the finished evaluation in ``folder``: it was trained again."""
    try:
        return (Path(model_dir) / DONE_FILE).stat().st_mtime_ns > (Path(folder) / DONE_FILE).stat().st_mtime_ns
    except OSError:
        return False
