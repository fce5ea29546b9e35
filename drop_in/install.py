"""Write into a fork and take it back: all of it or nothing."""
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from compat.errors import UserError, WriteError
from compat.files import atomic_write

from .manifest import MANIFEST, Manifest, digest
from .train_file import restored


def check_inside(root: Path, paths: Iterable[str]) -> None:
    """Raise UserError if a link on the way to one of a fork's files leads out of the fork."""
    for path in paths:
        target = (root / path).resolve()
        if not target.is_relative_to(root):
            raise UserError(f"{str(root / path)!r} leads through a link to {str(target)!r}, outside of the fork: put a "
                            "folder or file of its own there")


def check_targets(root: Path, files: Mapping[str, bytes], manifest: Manifest | None, force: bool) -> None:
    """Raise UserError if a file to be written is somebody else's, or was changed since it was written."""
    known = manifest.files if manifest else {}
    for path, content in files.items():
        target = root / path
        if not target.exists() or target.read_bytes() == content:
            continue
        if path not in known:
            raise UserError(f"{str(target)!r} is there and is not from here: move it away")
        if digest(target.read_bytes()) != known[path] and not force:
            raise UserError(f"{str(target)!r} was changed since it was copied: keep your version and remove it from "
                            "there, or overwrite it with --force")


def write_all(root: Path, files: Mapping[str, bytes], train: bytes, manifest: Manifest | None,
              adapted: Mapping[str, list[str]], check: Callable[[], None]) -> None:
    """Write files, manifest and train.py, and try them out; on any error, put back what was there.

    Args:
        root: the fork. files: {relative path: content}. train: new content of train.py.
        manifest: of earlier calls, or None. adapted: for the manifest. check: raises an error if it does not work.

    Raises:
        WriteError: a file cannot be written; the fork is as it was.
    """
    earlier = manifest or Manifest("", {}, [])
    new_folders = missing_folders(root, files)
    record = Manifest(train_sha256=digest(restored((root / "train.py").read_bytes())),
                      files=earlier.files | {path: digest(content) for path, content in files.items()},
                      folders=[*earlier.folders, *new_folders], adapted=dict(adapted))
    contents = {**files, MANIFEST: record.to_bytes(), "train.py": train}
    former = {path: (root / path).read_bytes() if (root / path).exists() else None for path in contents}
    try:
        for path, content in contents.items():
            if content != former[path]:
                replace(root / path, content)
        check()
    except BaseException:
        for path, before in former.items():
            if before is None:
                (root / path).unlink(missing_ok=True)
            elif (root / path).read_bytes() != before:
                (root / path).write_bytes(before)
        remove_empty(root, new_folders)
        raise


def missing_folders(root: Path, paths: Iterable[str]) -> list[str]:
    """Folders of relative paths that a root folder lacks, each behind its parents."""
    folders = {parent for path in paths for parent in Path(path).parents}
    return sorted(str(folder) for folder in folders if not (root / folder).exists())


def replace(target: Path, content: bytes) -> None:
    """Write a file atomically, through a link and with the mode that it has."""
    target = target.resolve()
    with atomic_write(target) as file:
        file.write(content)
        if target.exists():
            shutil.copymode(target, file.name)


def remove_empty(root: Path, folders: Iterable[str]) -> list[str]:
    """Remove folders (given behind their parents) that hold nothing but bytecode; returns those that hold more."""
    full = []
    for folder in reversed(list(folders)):
        shutil.rmtree(root / folder / "__pycache__", ignore_errors=True)
        if (root / folder).is_dir() and any((root / folder).iterdir()):
            full.append(folder)
        elif (root / folder).is_dir():
            (root / folder).rmdir()
    return full


def uninstall(root: Path, manifest: Manifest, force: bool) -> list[str]:
    """Remove what was added; returns sentences on what stays because somebody changed it.

    Args:
        root: the fork. manifest: of the calls that added it. force: remove copied files that were changed, too.

    Raises:
        WriteError: something cannot be removed; the manifest stays, so that another call goes on.
    """
    notes = []
    source = (root / "train.py").read_bytes()
    clean = restored(source)
    if digest(clean) != manifest.train_sha256:
        notes.append("train.py was changed since: only the marked lines are removed")
    if clean != source:
        replace(root / "train.py", clean)
    try:
        for path, known in manifest.files.items():
            target = root / path
            if target.exists() and digest(target.read_bytes()) != known and not force:
                notes.append(f"{path} was changed since: it stays (--force removes it)")
            else:
                target.unlink(missing_ok=True)
        notes += [f"{folder} holds other files: it stays" for folder in remove_empty(root, manifest.folders)]
        (root / MANIFEST).unlink()
    except OSError as error:
        raise WriteError(f"cannot remove {error.filename!r} ({error.strerror}): make it writable and call --uninstall "
                         "again") from error
    return notes
