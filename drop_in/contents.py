"""What is copied into a fork: the plug-in, its yaml files, and on request backbones and the engine."""
import ast
from collections.abc import Collection
from pathlib import Path

from .fork import registered_trainers

HERE = Path(__file__).resolve().parents[1]
NOT_COPIED = ("__pycache__", "mini16.npz", "mini16.json")  # the bundled small CLIP belongs to the bundled data


def known_hosts() -> dict[str, str]:
    """{trainer: module} of the plug-in's table KNOWN_HOSTS, by its source: to import it would take torch and Dassl."""
    for node in ast.parse((HERE / "trainers" / "mao" / "hosts.py").read_bytes()).body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Dict):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if ast.unparse(target) == "KNOWN_HOSTS":
                return {name: module for name, (module, _) in ast.literal_eval(node.value).items()}
    raise LookupError("trainers/mao/hosts.py has no table KNOWN_HOSTS")


KNOWN_HOSTS = known_hosts()
BACKBONES = {path.stem: name for name, path in registered_trainers(HERE).items() if name in KNOWN_HOSTS}
"""Hosts that this repository has, too, and can copy: word on the command line, which is the file's name -> trainer."""


def files_below(folder: str, pattern: str = "**/*") -> dict[str, bytes]:
    """{path relative to this repository: content} of the files of a folder."""
    return {str(path.relative_to(HERE)): path.read_bytes() for path in sorted((HERE / folder).glob(pattern))
            if path.is_file() and not any(part in NOT_COPIED for part in path.parts)}


def yaml_files(trainer: str) -> dict[str, bytes]:
    """The settings of a trainer, except those for the bundled small CLIP."""
    files = files_below(f"configs/trainers/{trainer}")
    return {path: content for path, content in files.items() if not Path(path).name.startswith("mini")}


def contents(hosts: Collection[str], backbones: Collection[str], with_engine: bool) -> dict[str, bytes]:
    """{relative path: content} to copy.

    Args:
        hosts: trainers that the fork has or is given. backbones: keys of BACKBONES to copy.
        with_engine: copy the bundled Dassl, too.
    """
    files = files_below("trainers/mao")
    for host in hosts:
        files |= yaml_files(f"{host}_MAO")
    for word in backbones:
        files |= files_below("trainers", f"{word}.py") | yaml_files(BACKBONES[word])
    if backbones:  # they share trainers/prompting, which needs the plain files of compat but not its engine
        files |= files_below("trainers/prompting") | files_below("compat", "*.py")
    if with_engine:
        files |= files_below("compat")
    return files


def is_ours(path: Path) -> bool:
    """Whether a fork's trainer file is this repository's version of itself (after an earlier call)."""
    ours = HERE / "trainers" / path.name
    return path.exists() and ours.exists() and path.read_bytes() == ours.read_bytes()
