"""Write a file so that others see all of it or nothing, also when the process is killed."""
import contextlib
import glob
import os
import re
import secrets
from collections.abc import Iterator
from typing import IO, Any

from .errors import WriteError


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str], mode: str = "wb") -> Iterator[IO[Any]]:
    """Open a file that takes the place of ``path`` when the block ends without an error, and leaves no trace otherwise.

    The folder is made if needed. ``path`` holds either its former or its new contents, also when the process is killed.

    Raises:
        WriteError: the file cannot be written (disk full, no permission, ...).
    """
    temporary = f"{path}.{os.getpid()}.{secrets.token_hex(4)}.tmp"  # no two writers share one, on no two machines
    try:
        os.makedirs(os.path.dirname(path) or os.curdir, exist_ok=True)
        with open(temporary, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.remove(temporary)
        if isinstance(error, OSError) and not isinstance(error, WriteError):
            raise WriteError(
                f"cannot write {str(path)!r} ({error.strerror or error}): free space or give another folder; what was "
                "there before is kept"
            ) from error
        raise


def write_file(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write text (as UTF-8) or bytes by ``atomic_write``."""
    with atomic_write(path, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)


def remove_temporary_files(folder: str) -> None:
    """Delete what killed processes left of ``atomic_write`` in a folder and its sub-folders of one level."""
    for pattern in ("*.tmp", os.path.join("*", "*.tmp")):
        for path in glob.glob(os.path.join(glob.escape(folder), pattern)):
            if re.search(r"\.\d+(\.[0-9a-f]{8})?\.tmp$", path):  # with a number alone in earlier versions
                with contextlib.suppress(OSError):
                    os.remove(path)
