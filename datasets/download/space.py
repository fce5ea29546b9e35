"""Whether a disk has room."""
import shutil
from pathlib import Path

from compat.errors import UserError

SPARE = 50 << 20  # bytes that stay free


def check_space(folder: Path, needed: int, what: str) -> None:
    """Raise UserError if a folder's disk does not have room for so many bytes; ``what`` needs them."""
    free = shutil.disk_usage(folder).free
    if needed + SPARE > free:
        raise UserError(f"{what} needs {needed / 1e9:.2f} GB, but {str(folder)!r} has {free / 1e9:.2f} GB free: "
                        "make room, or give another --root")
