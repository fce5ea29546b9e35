"""Write into a fork and take it back: all of it or nothing, with a manifest of what was added."""
import hashlib
import json
import os
import shutil

from compat.errors import UserError

from .train_file import restored

MANIFEST = ".mao_drop_in.json"


def digest(content):
    return hashlib.sha256(content).hexdigest()


def read_manifest(root):
    """The manifest of an earlier call; None if there is none."""
    path = root / MANIFEST
    if not path.exists():
        return None
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        return {key: manifest[key] for key in ("train_sha256", "files", "folders")}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{str(path)!r} is damaged ({type(error).__name__}): restore it, or remove it and what was "
                        "added by hand") from error


def check_targets(root, files, manifest, force):
    """Raise UserError if a file to be written is somebody else's, or was changed since it was written."""
    known = manifest["files"] if manifest else {}
    for path, content in files.items():
        target = root / path
        if not target.exists() or target.read_bytes() == content:
            continue
        if path not in known:
            raise UserError(f"{str(target)!r} is there and is not from here: move it away")
        if digest(target.read_bytes()) != known[path] and not force:
            raise UserError(f"{str(target)!r} was changed since it was copied: keep your version and remove it from "
                            "there, or overwrite it with --force")


def write_all(root, files, train, manifest):
    """Write files, train.py and the manifest; on any error, put back what was there.

    Args:
        root: the fork. files: {relative path: bytes}. train: new bytes of train.py.
        manifest: of an earlier call, or None.
    """
    train_path = root / "train.py"
    original = train_path.read_bytes()
    folders = list(manifest["folders"]) if manifest else []
    undo = []
    try:
        for path, content in files.items():
            target = root / path
            folders += make_folders(root, target.parent, undo)
            replace(target, content, undo)
        known = dict(manifest["files"]) if manifest else {}
        known.update({path: digest(content) for path, content in files.items()})
        record = {"train_sha256": digest(restored(original)), "files": known, "folders": folders}
        replace(root / MANIFEST, (json.dumps(record, indent=1) + "\n").encode(), undo)
        replace(train_path, train, undo)
    except BaseException:
        for action in reversed(undo):
            action()
        raise


def make_folders(root, folder, undo):
    """Make a folder and its parents; returns those that were made, relative to the root, parents first."""
    made = []
    for parent in [*reversed(folder.relative_to(root).parents), folder.relative_to(root)]:
        if not (root / parent).exists():
            (root / parent).mkdir()
            undo.append((root / parent).rmdir)
            made.append(str(parent))
    return made


def replace(target, content, undo):
    """Write a file atomically, through a link and with the mode that it has; adds how to undo it."""
    target = target.resolve()
    before = target.read_bytes() if target.exists() else None
    if before == content:
        return
    temporary = target.with_name(target.name + ".mao_tmp")
    try:
        temporary.write_bytes(content)
        if before is not None:
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    undo.append(target.unlink if before is None else lambda: target.write_bytes(before))


def uninstall(root, manifest, force):
    """Remove what was added; returns sentences on what stays because somebody changed it."""
    notes = []
    train_path = root / "train.py"
    source = train_path.read_bytes()
    clean = restored(source)
    if digest(clean) != manifest["train_sha256"]:
        notes.append("train.py was changed since: only the marked lines are removed")
    if clean != source:
        replace(train_path, clean, [])
    for path, known in manifest["files"].items():
        target = root / path
        if target.exists() and digest(target.read_bytes()) != known and not force:
            notes.append(f"{path} was changed since: it stays (--force removes it)")
        elif target.exists():
            target.unlink()
    for folder in reversed(manifest["folders"]):
        shutil.rmtree(root / folder / "__pycache__", ignore_errors=True)
        if (root / folder).is_dir() and not any((root / folder).iterdir()):
            (root / folder).rmdir()
        elif (root / folder).is_dir():
            notes.append(f"{folder} holds other files: it stays")
    (root / MANIFEST).unlink()
    return notes
