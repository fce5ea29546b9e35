"""What is copied into a fork: the plug-in, its yaml files, and on request backbones and the engine."""
import re
from pathlib import Path

import yaml

from compat.errors import UserError

HERE = Path(__file__).resolve().parents[1]
BACKBONES = {"coop": "CoOp", "maple": "MaPLe", "promptsrc": "PromptSRC"}
NOT_COPIED = ("__pycache__", "mini16.npz")  # the bundled small CLIP belongs to the bundled data


def files_below(folder):
    """{path relative to this repository: bytes} of the files of a folder."""
    return {str(path.relative_to(HERE)): path.read_bytes() for path in sorted((HERE / folder).rglob("*"))
            if path.is_file() and not any(part in NOT_COPIED for part in path.parts)}


def yaml_files(trainer):
    """The settings of a trainer, except those for the bundled small CLIP."""
    files = files_below(f"configs/trainers/{trainer}")
    return {path: content for path, content in files.items() if not Path(path).name.startswith("mini")}


def choose_backbones(words, fork_trainers, root):
    """Which of the backbones that are asked for have to be copied, and sentences on those that do not.

    Args:
        words: keys of BACKBONES. fork_trainers: as from ``fork.registered_trainers``. root: the fork.
    """
    unknown = [word for word in words if word not in BACKBONES]
    if unknown:
        raise UserError(f"backbone {unknown[0]!r} is unknown: give some of {', '.join(BACKBONES)}")
    wanted, notes = [], []
    for word in words:
        path = root / "trainers" / f"{word}.py"
        if BACKBONES[word] in fork_trainers and not is_ours(path):
            place = fork_trainers[BACKBONES[word]].relative_to(root)
            notes.append(f"{BACKBONES[word]} is there already ({place}): not copied")
        else:
            wanted.append(word)
    return wanted, notes


def is_ours(path):
    """Whether a file is this repository's version of itself (after an earlier call)."""
    ours = HERE / "trainers" / path.name
    return path.exists() and ours.exists() and path.read_bytes() == ours.read_bytes()


def contents(hosts, backbones, with_engine):
    """{relative path: bytes} to copy.

    Args:
        hosts: trainers of the fork. backbones: keys of BACKBONES to copy. with_engine: copy compat/ too.
    """
    files = files_below("trainers/mao")
    for word, name in BACKBONES.items():
        if word in backbones:
            files[f"trainers/{word}.py"] = (HERE / "trainers" / f"{word}.py").read_bytes()
            files.update(yaml_files(name))
        if word in backbones or name in hosts:
            files.update(yaml_files(f"{name}_MAO"))
    if backbones:
        files.update(files_below("trainers/prompting"))
    if with_engine:
        files.update(files_below("compat"))
    return files


def keys_unknown_to(train_source, files):
    """Config keys of trainers' nodes in the yaml files that the fork's train.py does not mention."""
    text = train_source.decode(errors="replace")
    unknown = set()
    for path, content in files.items():
        if path.endswith(".yaml"):
            for node, keys in yaml.safe_load(content).get("TRAINER", {}).items():
                unknown |= {f"TRAINER.{node}.{key}" for key in keys
                            if not re.search(rf"\b{node}\.{key}\b", text)}
    return sorted(unknown)
