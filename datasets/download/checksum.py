"""Checksums of files."""
import hashlib
from pathlib import Path

from compat.errors import UserError


def digests(path: Path) -> dict[str, str]:
    """{"md5": hex digits, "sha256": hex digits} of a file, in one reading."""
    sums = {"md5": hashlib.md5(usedforsecurity=False), "sha256": hashlib.sha256()}
    with open(path, "rb") as file:
        while block := file.read(1 << 22):
            for digest in sums.values():
                digest.update(block)
    return {name: digest.hexdigest() for name, digest in sums.items()}


def verified_digest(path: Path, checksum: str | None, source: str) -> str:
    """SHA-256, as hex digits, of a file that came from ``source``.

    Args:
        checksum: "md5:<hex>" or "sha256:<hex>" that the file has to have, or None where none is known.

    Raises:
        UserError: the checksum is another one; the file is removed.
    """
    sums = digests(path)
    kind, _, wanted = (checksum or f"sha256:{sums['sha256']}").partition(":")
    if sums[kind] != wanted.lower():
        path.unlink()
        raise UserError(f"{source} has the {kind} {sums[kind]}, but {wanted} is known for it: it was damaged on the "
                        "way or is another version; call again, and if that does not help get it by hand "
                        "(docs/datasets.md)")
    return sums["sha256"]
