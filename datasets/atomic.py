"""Write a file so that others see all of it or nothing."""
import os
import tempfile
from pathlib import Path


def write_text(path, text):
    """Write UTF-8 text atomically; the folder has to exist.

    Raises:
        OSError: as ``open``; no part of the file is left.
    """
    path = Path(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o644)  # mkstemp's files are private
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
