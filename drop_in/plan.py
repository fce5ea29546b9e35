"""What a call would change in a fork; nothing is written here."""
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from compat.errors import UserError

from .contents import BACKBONES, KNOWN_HOSTS, contents, is_ours
from .fork import registered_trainers, uncommitted_changes
from .install import check_inside, check_targets
from .manifest import MANIFEST, Manifest, read_manifest
from .train_file import edited


@dataclass(frozen=True)
class Plan:
    """What a call changes.

    Attributes:
        hosts: trainers of the fork that get a MAO variant.
        files: {path relative to the fork: content} to copy; new_files: those that are not there yet as they should be.
        train_before, train_after: contents of train.py.
        manifest: of earlier calls. notes: sentences for the user.
    """

    hosts: list[str]
    files: dict[str, bytes]
    new_files: list[str]
    train_before: bytes
    train_after: bytes
    manifest: Manifest | None
    notes: list[str]

    @property
    def changes(self) -> bool:
        return bool(self.new_files) or self.train_before != self.train_after


def make_plan(root: Path, words: Sequence[str], with_engine: bool, force: bool) -> Plan:
    """Plan what a call changes; what earlier calls brought stays.

    Args:
        root: the fork. words: backbones to copy if they are missing, keys of BACKBONES. with_engine: copy the engine.
        force: go on in spite of uncommitted changes, and of copied files that were changed.

    Raises:
        UserError: a backbone is unknown, the fork has uncommitted changes, or a file is in the way.
    """
    manifest = read_manifest(root)
    earlier = manifest.files if manifest else {}
    changed = uncommitted_changes(root, {"train.py", *earlier} if manifest else ())
    if changed and not force:
        raise UserError(f"git says that {changed[0]!r} in {str(root)!r} has uncommitted changes: commit or stash "
                        "them first, or go on with --force")
    with_engine = with_engine or "compat/dassl/__init__.py" in earlier
    words = [*words, *(word for word in BACKBONES if f"trainers/{word}.py" in earlier)]
    trainers = registered_trainers(root)
    backbones, notes = choose_backbones(words, trainers, root)
    hosts = sorted({*trainers, *(BACKBONES[word] for word in backbones)} & set(KNOWN_HOSTS))
    files = contents(hosts, backbones, with_engine)
    check_inside(root, ["train.py", MANIFEST, *files])
    check_targets(root, files, manifest, force)
    before = (root / "train.py").read_bytes()
    after = edited(before, [*(f"trainers.{word}" for word in backbones), "trainers.mao"], with_engine)
    notes += [f"this train.py does not set {key}, which a MAO yaml file uses: remove it there, or add it to extend_cfg"
              for key in unknown_keys(after, files)]
    new_files = [path for path, content in files.items()
                 if not (root / path).exists() or (root / path).read_bytes() != content]
    return Plan(hosts, files, new_files, before, after, manifest, notes)


def choose_backbones(words: Sequence[str], trainers: Mapping[str, Path], root: Path) -> tuple[list[str], list[str]]:
    """The backbones that have to be copied, and sentences on those that need not.

    Args:
        words: keys of BACKBONES. trainers: the fork's, as from ``registered_trainers``. root: the fork.
    """
    wanted, notes = [], []
    for word in dict.fromkeys(words):
        if word not in BACKBONES:
            raise UserError(f"backbone {word!r} is unknown: give some of {', '.join(BACKBONES)}")
        name = BACKBONES[word]
        if name in trainers and not is_ours(root / "trainers" / f"{word}.py"):
            notes.append(f"{name} is there already ({trainers[name].relative_to(root)}): not copied")
        else:
            wanted.append(word)
    return wanted, notes


def unknown_keys(train_source: bytes, files: Mapping[str, bytes]) -> list[str]:
    """Config keys of trainers' nodes in the yaml files that neither train.py nor a copied file mentions."""
    code = [train_source, *(content for path, content in files.items() if path.endswith(".py"))]
    text = b"\n".join(code).decode(errors="replace")
    nodes = [yaml.safe_load(content).get("TRAINER", {}) for path, content in files.items()
             if path.startswith("configs/")]
    return sorted({f"TRAINER.{node}.{key}" for trainer in nodes for node, keys in trainer.items() for key in keys
                   if not re.search(rf"\b{node}\.{key}\b", text)})
