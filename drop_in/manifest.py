"""The manifest that a call leaves in a fork: what was added, so that all of it can be taken out again."""
import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from compat.errors import UserError

MANIFEST = ".mao_drop_in.json"


@dataclass(frozen=True)
class Manifest:
    """What calls have added to a fork.

    Attributes:
        train_sha256: digest of train.py without the marked lines.
        files: {path relative to the fork: digest of what was written there}.
        folders: folders that were made, each behind its parents.
        adapted: {yaml file: in which keys it is other than this repository's}.
    """

    train_sha256: str
    files: dict[str, str]
    folders: list[str]
    adapted: dict[str, list[str]] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        return (json.dumps(asdict(self), indent=1) + "\n").encode()


def read_manifest(root: Path) -> Manifest | None:
    """The manifest of earlier calls; None if there is none.

    Raises:
        UserError: the file is damaged.
    """
    path = root / MANIFEST
    if not path.exists():
        return None
    try:
        return Manifest(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise UserError(f"{str(path)!r} is damaged ({type(error).__name__}): restore it, or remove it and what was "
                        "added by hand") from error


def digest(content: bytes) -> str:
    """SHA-256 as hex digits."""
    return hashlib.sha256(content).hexdigest()
