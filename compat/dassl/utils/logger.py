"""The log file: everything printed goes to the terminal and to ``log.txt``."""
import contextlib
import os
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO, cast

from .files import mkdir_if_missing


class Logger:
    """A text stream that writes to the terminal and to a file.

    A full disk ends the log with a message, not the run.
    """

    def __init__(self, fpath: str | None = None) -> None:
        self.console: TextIO = sys.stdout.console if isinstance(sys.stdout, Logger) else sys.stdout
        self.file: TextIO | None = None
        if fpath is not None:
            mkdir_if_missing(os.path.dirname(fpath))
            self.file = open(fpath, "a", encoding="utf-8", buffering=1)

    def write(self, text: str) -> int:
        self.console.write(text)
        if "\n" in text:
            self.console.flush()  # so that a redirected run can be followed
        self._to_file(lambda file: file.write(text))
        return len(text)

    def flush(self) -> None:
        self.console.flush()
        self._to_file(lambda file: file.flush())

    def close(self) -> None:
        """Close the file; the terminal stays usable."""
        if self.file is not None:
            file, self.file = self.file, None
            with contextlib.suppress(OSError):
                file.close()

    def _to_file(self, action: Callable[[TextIO], object]) -> None:
        if self.file is None:
            return
        try:
            action(self.file)
        except OSError as error:
            path = self.file.name
            self.close()
            print(f"the log {path!r} ends here: {error.strerror}", file=sys.stderr)

    def __enter__(self) -> "Logger":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.console, name)  # isatty, encoding, fileno, ...


def setup_logger(output: str | None = None) -> None:
    """Send what is printed from now on also to a file.

    Args:
        output: a folder, for ``log.txt`` in it, or a path that ends in .txt or .log. If the file exists, a new one gets
            the date and time in its name. None or "": nothing happens.
    """
    if not output:
        return
    path = output if output.endswith((".txt", ".log")) else os.path.join(output, "log.txt")
    if os.path.exists(path):
        path += time.strftime("-%Y-%m-%d-%H-%M-%S")
    former = sys.stdout
    sys.stdout = cast(TextIO, Logger(path))
    if isinstance(former, Logger):
        former.close()
