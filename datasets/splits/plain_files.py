"""Read the small files of a data set whatever lies in their place: a pipe, a device or a gigabyte of junk."""
import os
import stat
from pathlib import Path

LARGEST = 256 << 20  # bytes; the split of 1.3 million images takes 90 MB


def read_plain(path: Path) -> bytes:
    """Content of a regular file.

    Raises:
        OSError: it is not there, is something else (whose opening would wait for ever) or is larger than ``LARGEST``.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # each where the system has it
    with open(os.open(path, flags), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "not a regular file", str(path))
        if status.st_size > LARGEST:
            raise OSError(0, f"{status.st_size / 1e6:.0f} MB, where at most {LARGEST / 1e6:.0f} are read", str(path))
        return file.read()
