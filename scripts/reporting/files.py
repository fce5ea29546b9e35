"""Writes files atomically: a reader sees the old one or the whole new one."""
import contextlib
import os
from pathlib import Path

from results import ResultsError


def save(path, content):
    """Write text (as UTF-8) or bytes, with the folder if need be.

    Raises:
        ResultsError: the path cannot be written to.
    """
    path = Path(path)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):  # it may never have been made
            temporary.unlink()
        raise ResultsError(f"{str(path)!r} cannot be written ({error.strerror}): give another --output") from error
