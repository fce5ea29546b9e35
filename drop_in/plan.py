"""What a call would change in a fork; nothing is written here."""
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from compat.errors import UserError

from .adapt import adapted
from .checks import ForkKeys, read_keys
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
        adapted: {yaml file that the fork gets in another form than this repository's: sentences on what is changed}.
        fault: why nothing can be tried out in the fork; "" if it can.
        manifest: of earlier calls. notes: sentences for the user.
    """

    hosts: list[str]
    files: dict[str, bytes]
    new_files: list[str]
    train_before: bytes
    train_after: bytes
    adapted: dict[str, list[str]]
    fault: str
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
    copied = [BACKBONES[word] for word in backbones]
    hosts = sorted({*trainers, *copied} & set(KNOWN_HOSTS))
    files = contents(hosts, backbones, with_engine)
    check_inside(root, ["train.py", MANIFEST, *files])
    check_targets(root, files, manifest, force)
    before = (root / "train.py").read_bytes()
    after = edited(before, [*(f"trainers.{word}" for word in backbones), "trainers.mao"], with_engine)
    keys = read_keys(root, {host: KNOWN_HOSTS[host] for host in hosts if host not in copied}, with_engine)
    for host, why in keys.missing.items():
        hosts.remove(host)
        notes.append(f"{host} is left out: train.py does not import it, and {KNOWN_HOSTS[host]} cannot be ({why})")
    files, changes = fitted(contents(hosts, backbones, with_engine), keys, copied)
    notes += [sentence for sentences in changes.values() for sentence in sentences]
    if keys.fault:
        notes.append(f"the checks in the fork could not be run, and its config keys are by its source: {keys.fault}")
    new_files = [path for path, content in files.items()
                 if not (root / path).exists() or (root / path).read_bytes() != content]
    return Plan(hosts, files, new_files, before, after, changes, keys.fault, manifest, notes)


def fitted(files: Mapping[str, bytes], keys: ForkKeys,
           copied: Collection[str]) -> tuple[dict[str, bytes], dict[str, list[str]]]:
    """(all files with the yaml files among them fitted to a fork's config keys, {yaml file: what is changed in it}).

    Args:
        copied: trainers whose code comes from here; they bring their own keys, as far as the fork has not set them.
    """
    result, changes = dict(files), {}
    tops = {key.partition(".")[0] for key in keys.kinds} - {"TRAINER", "MAO"}
    whole = () if keys.fault else tuple(f"{top}." for top in tops)  # by the source, Dassl's own keys are not known
    own = tuple({key.rpartition(".")[0] + "." for key in keys.kinds if key.startswith("TRAINER.")} - {"TRAINER."})
    for path, content in files.items() if keys.kinds else ():
        if path.startswith("configs/"):
            is_copied = trainer_of(path).removesuffix("_MAO") in copied
            result[path], sentences = adapted(content, path, keys.kinds, whole + (own if is_copied else ("TRAINER.",)))
            if sentences:
                changes[path] = sentences
    return result, changes


def trainer_of(path: str) -> str:
    """The trainer that a yaml file, ``configs/trainers/<trainer>/<setting>.yaml``, is for."""
    return Path(path).parent.name


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
