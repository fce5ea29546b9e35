"""State of a run, as its output folder shows it: not started, incomplete, or done; and which run that is.

    run.json   the run's identity, written before its first checkpoint
    done       the digest of that identity, written last
"""
import argparse
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from yacs.config import CfgNode

from compat.errors import DamagedFileError
from compat.files import write_file

from .data import data_on_disk
from .identity import UNVERIFIED, Identity, identity_of, stage_of
from .records import Record, digest_of_run

RUN_FILE = "run.json"
DONE_FILE = "done"
# What runs of earlier versions and of other repositories leave, that do not say which run they were
TRACES = ("started", "train_state.pth.tar", "*/model*.pth.tar*")


@dataclass(frozen=True)
class Run:
    """What ``run.json`` says.

    Attributes:
        origin: "verified", or "unverified" where a run that it stands on does not say which one it is.
        label: the data set's name in tables.
    """

    identity: Identity
    origin: str = "verified"
    label: str = ""


def identity_of_command(cfg: CfgNode, args: argparse.Namespace, data: Mapping[str, str],
                        parent: Identity | None = None) -> Identity:
    """Identity of a run of train.py.

    Args:
        cfg, args: config and parsed command line. data: of ``runs.data.data_on_disk``.
        parent: the run that it stands on, if that has not started yet; default: read from its folder.
    """
    folder = parent_folder(cfg, args)
    known: Identity | str = parent or ""
    checkpoints = ""
    if folder and parent is None:
        run = read_run(folder)
        known = run.identity if run is not None else digest_of_run(folder) or UNVERIFIED
        checkpoints = "" if run is not None else checkpoints_digest(folder)
    return identity_of(cfg, data, args.eval_only, args.load_epoch, known, checkpoints)


def parent_folder(cfg: CfgNode, args: argparse.Namespace) -> str:
    """Output folder of the run that a test or step 2 stands on; "" if there is none."""
    if args.eval_only:
        return args.model_dir
    return cfg.MAO.BASE_DIR if stage_of(cfg) == "new" else ""


def job_key(cfg: CfgNode, args: argparse.Namespace) -> str:
    """Digest of the identity of a run of train.py."""
    return identity_of_command(cfg, args, data_on_disk(cfg)).digest


def checkpoints_digest(folder: str) -> str:
    """Tells the checkpoints in a folder from others: SHA-256, as hex digits, of their names, sizes and times."""
    found = [(str(path.relative_to(folder)), path.stat().st_size, path.stat().st_mtime_ns)
             for path in sorted(Path(folder).glob(TRACES[-1]))]
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()


def write_run(folder: str | Path, run: Run) -> None:
    """Write ``run.json`` atomically."""
    content: Record = {
        "identity": run.identity.digest, "origin": run.origin, "label": run.label, **asdict(run.identity)}
    write_file(Path(folder) / RUN_FILE, json.dumps(content, indent=1) + "\n")


def read_run(folder: str | Path) -> Run | None:
    """What ``run.json`` in a folder says; None if there is none, or it is of a drop-in of MAO into another repository.

    Raises:
        DamagedFileError: it cannot be read, or is not what was written.
    """
    path = Path(folder) / RUN_FILE
    try:
        if not path.is_file():
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
        digest = content.pop("identity", None)
        if digest is None:
            return None
        run = Run(origin=content.pop("origin"), label=content.pop("label"), identity=Identity(**content))
        if run.identity.digest != digest:
            raise ValueError("it has been changed")
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DamagedFileError(f"{str(path)!r} does not say which run it is of ({error}): run it again in another "
                               "folder, or delete the file, which leaves the run unverified") from error
    return run


def mark_done(folder: str | Path, key: str) -> None:
    """Write the file ``done`` of a run atomically; ``key``: digest of its identity."""
    write_file(Path(folder) / DONE_FILE, key + "\n")


def done_key(folder: str | Path) -> str | None:
    """Digest of the finished run in a folder; None if there is none."""
    try:
        return (Path(folder) / DONE_FILE).read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None


def key_in(folder: str | Path) -> str | None:
    """Digest of the run in a folder, finished or not; "unverified" if that cannot be told, None if there is none."""
    try:
        run = read_run(folder)
    except DamagedFileError:
        return UNVERIFIED
    if run is not None:
        return run.identity.digest
    return done_key(folder) or (UNVERIFIED if any(any(Path(folder).glob(trace)) for trace in TRACES) else None)


def tests_older_model(folder: str | Path, model_dir: str | Path) -> bool:
    """Whether the run in ``model_dir`` ended after the finished evaluation in ``folder``: it was trained again."""
    try:
        return (Path(model_dir) / DONE_FILE).stat().st_mtime_ns > (Path(folder) / DONE_FILE).stat().st_mtime_ns
    except OSError:
        return False
