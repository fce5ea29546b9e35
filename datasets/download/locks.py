"""One process at a time in a folder."""
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # not on Windows, where processes are on their own
    fcntl = None  # type: ignore[assignment]  # mypy knows it as a module


@contextlib.contextmanager
def locked(path: Path, waiting: str) -> Iterator[None]:
    """Hold the lock of a file, which is made if needed and keeps what is in it; ``waiting`` is said if it is taken."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)  # for reading, too: else a pipe there would wait for a reader
    try:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(waiting)
                fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)
