"""One run at a time in an output folder."""
import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from compat.errors import UserError, WriteError

try:
    import fcntl
except ImportError:  # not on Windows, where runs are on their own
    fcntl = None  # type: ignore[assignment]  # mypy knows it as a module

LOCK_FILE = ".lock"


@contextlib.contextmanager
def locked(folder: str) -> Iterator[list[str]]:
    """Make an output folder and keep other runs out of it; gives the folders that were made, outermost first.

    The kernel lets go of the lock when the process ends, however it ends, and forked workers do not hold it. Nothing
    else in the process may open the file: its closing would let go, too.

    Raises:
        UserError: another process has it, or it cannot be made.
    """
    try:
        made = make_folders(folder)
        file = open(os.path.join(folder, LOCK_FILE), "a+", encoding="utf-8", errors="replace")
    except (OSError, ValueError) as error:
        raise WriteError(f"--output-dir {folder!r} cannot be used ({getattr(error, 'strerror', None) or error}): give "
                         "another folder") from error
    with file:
        try:
            if fcntl is not None:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            file.seek(0)
            raise UserError(f"--output-dir {folder!r} is in use by {file.read(300).strip() or 'another process'}: wait "
                            "for the end of that run, or give another folder") from error
        except OSError as error:
            print(f"{folder} cannot be locked ({error.strerror}): start no second run in it")
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        yield made


def make_folders(folder: str) -> list[str]:
    """Make a folder and those above it; those that were not there, outermost first."""
    made = []
    path = Path(os.path.abspath(folder))
    for place in (*reversed(path.parents), path):
        try:
            place.mkdir()
            made.append(str(place))
        except FileExistsError:
            if not place.is_dir():
                raise
    return made
