"""Errors that a user can cause and mend, and how a command line shows them."""
import errno
import os
import sys
from collections.abc import Callable


class UserError(Exception):
    """One sentence that names the thing, its value and the remedy.

    A command line prints the sentence without traceback and exits with ``exit_code``. The constructor takes the
    sentence alone, because DataLoader re-raises a worker's exception by calling its class with one argument.
    """

    exit_code = 2

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""  # KeyError, a base of some, would put it in quotes


class UnknownNameError(UserError, KeyError, ValueError):
    """A name that is in no registry, or not among the choices of a config key."""


class MissingFileError(UserError, FileNotFoundError):
    """A file or folder that should be there is not."""


class DamagedFileError(UserError, ValueError):
    """A file that cannot be read, or holds something else than it should."""


class WriteError(UserError, OSError):
    """A file could not be written; what was there before is untouched."""


def sentence(error: BaseException) -> str:
    """The sentence of an error, in one line; those of DataLoader workers come wrapped in a traceback."""
    lines = [line for line in str(error).strip().splitlines() if line.strip()] or [type(error).__name__]
    if lines[0].startswith("Caught "):
        return lines[-1].split(": ", 1)[-1]
    return " ".join(line.strip() for line in lines)


def exit_code(action: Callable[[], int | None], debug: bool = False) -> int:
    """Run a command line: an error that the user can mend becomes a sentence on the error stream.

    Args:
        action: what to run. debug: let all errors through, with their traceback.

    Returns:
        The exit code: what ``action`` returns (None counts as 0), 2 after such a sentence, 130 after Ctrl-C.
    """
    try:
        return action() or 0
    except BrokenPipeError:  # whoever reads our output, head for example, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from there", file=sys.stderr)
        return 130
    except Exception as error:
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        if debug or not (full or getattr(error, "exit_code", None) == 2):
            raise
        print(f"error: {sentence(error)}", file=sys.stderr)
        return 2
