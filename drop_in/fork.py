"""A repository of the CoOp family as the drop-in tool sees it: its train.py, its trainers, its state in git."""
import ast
import subprocess
from collections.abc import Collection
from pathlib import Path

from compat.errors import UserError

REGISTRY = "TRAINER_REGISTRY"


def find_fork(path: str | Path) -> Path:
    """The root folder of a fork.

    Raises:
        UserError: there is no such folder, or it is no repository of the family; one in a folder below is named.
    """
    root = Path(path).expanduser()
    if not root.is_dir():
        raise UserError(f"{str(path)!r} is no folder: give the path of a repository of the CoOp family")
    root = root.resolve()
    if looks_like_fork(root):
        return root
    below = sorted(folder for folder in root.iterdir() if folder.is_dir() and looks_like_fork(folder))
    if below:
        raise UserError(f"{str(root)!r} has no train.py of the CoOp family, but {str(below[0])!r} has: give "
                        "that folder")
    raise UserError(f"{str(root)!r} is no repository of the CoOp family: it needs a train.py that uses dassl and a "
                    "folder trainers")


def looks_like_fork(root: Path) -> bool:
    try:
        return (root / "trainers").is_dir() and b"dassl" in (root / "train.py").read_bytes()
    except OSError:
        return False


def registered_trainers(root: Path) -> dict[str, Path]:
    """{name of a trainer: the file that registers it}, read from the sources in ``trainers`` without running them."""
    found = {}
    for path in sorted((root / "trainers").rglob("*.py")):
        if "mao" in path.relative_to(root).parts[1:-1]:
            continue
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            continue  # not for this Python; the fork's own business
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and any(REGISTRY in ast.dump(mark) for mark in node.decorator_list):
                found[node.name] = path
    return found


def uncommitted_changes(root: Path, own: Collection[str] = ()) -> list[str]:
    """Tracked files that git sees as changed, except ``own`` (paths relative to the root); empty without git."""
    # safe.directory: git would not look at a folder of another owner.
    git = ["git", "-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-C", str(root)]
    status = [*git, "status", "--porcelain", "--untracked-files=no", "-z", "--", "."]
    try:
        done = subprocess.run(status, capture_output=True, text=True, check=False)
    except OSError:
        return []
    if done.returncode != 0:  # not under git
        return []
    prefix = subprocess.check_output([*git, "rev-parse", "--show-prefix"], text=True).strip()
    paths = [entry[3:] for entry in done.stdout.split("\0") if len(entry) > 3 and entry[2] == " "]
    return [path for path in paths if path.removeprefix(prefix) not in own]
