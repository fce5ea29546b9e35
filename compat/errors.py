"""Errors that a user can cause and mend, and how a command line shows them."""
import contextlib
import errno
import io
import os
import re
import sys
from collections.abc import Callable, Iterator


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


@contextlib.contextmanager
def naming(source: str) -> Iterator[None]:
    """UserErrors of the block say first which file or flag they are about."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{source}: {error}") from error


LESS_MEMORY = "lower DATALOADER.TRAIN_X.BATCH_SIZE, DATALOADER.TEST.BATCH_SIZE, MAO.TOPK or DATALOADER.NUM_WORKERS"
FEWER_FILES = "lower DATALOADER.NUM_WORKERS, or raise the limit (ulimit -n)"
REMEDIES = {  # of what the machine refuses; what it refuses a path is about that path
    errno.ENOSPC: "free space, or give another folder", errno.EDQUOT: "free space, or give another folder",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)", errno.EMFILE: FEWER_FILES,
    errno.ENFILE: FEWER_FILES, errno.ENOMEM: LESS_MEMORY, errno.EAGAIN: "lower DATALOADER.NUM_WORKERS",
    errno.EIO: "look after the disk"}
TROUBLES = (  # what torch says, which has one kind of error for all of it
    (r"torch_\w*>|shared memory|shm", "shared memory ran out", "lower DATALOADER.NUM_WORKERS, or enlarge /dev/shm"),
    (r"usable temporary directory", "no temporary file can be written", "free space, or raise the limit (ulimit -f)"),
    (r"Too many open files|ancdata", "too many files are open", FEWER_FILES),
    (r"new thread|Resource temporarily", "no further process or thread may start", "lower DATALOADER.NUM_WORKERS"),
    (r"out of memory|allocate memory|not enough memory|bad_alloc|failed to map segment", "memory ran out", LESS_MEMORY),
    (r"DataLoader timed out", "no batch came from the processes that read images",
     "look after the disk with the images, or set DATALOADER.NUM_WORKERS to 0 to see what hangs"),
    (r"DataLoader worker .*(exited|killed)", "a process that reads images was killed, perhaps for want of memory",
     LESS_MEMORY))


def explained(error: Exception) -> str | None:
    """What a user can do about an error that the machine raised; None if it is one of the code's."""
    if getattr(error, "exit_code", None) == 2:
        return sentence(error)
    if isinstance(error, MemoryError):
        return f"memory ran out ({sentence(error)[:200]}): {LESS_MEMORY}"
    if isinstance(error, OSError) and error.errno is not None and (error.filename or error.errno in REMEDIES):
        place = f"{os.fsdecode(error.filename)!r}: " if isinstance(error.filename, (str, bytes)) else ""
        remedy = REMEDIES.get(error.errno, "make that usable, or give another path")
        return f"{place}{(error.strerror or 'cannot be used').lower()}; {remedy}"
    if isinstance(error, (RuntimeError, OSError, ImportError)):  # one that a worker process raised has lost its number
        for pattern, what, remedy in TROUBLES:
            if re.search(pattern, str(error), re.DOTALL):
                return f"{what} ({sentence(error)[:200]}): {remedy}"
    return None


def open_closed_streams() -> None:
    """Output that the caller has closed goes nowhere, and not into whichever file is opened next."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_WRONLY)
            if null != number:
                os.dup2(null, number)
            setattr(sys, name, open(number, "w", closefd=False))


def tolerate_missing_characters() -> None:
    """Where the output's encoding lacks a character, a question mark is better than nothing."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def exit_code(action: Callable[[], int | None], debug: bool = False) -> int:
    """Run a command line: an error that the user can mend becomes a sentence on the error stream.

    Args:
        action: what to run. debug: let all errors through, with their traceback.

    Returns:
        The exit code: what ``action`` returns (None counts as 0), 2 after such a sentence, 130 after Ctrl-C.
    """
    open_closed_streams()
    tolerate_missing_characters()
    try:
        return action() or 0
    except BrokenPipeError:  # whoever reads our output, head for example, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from there", file=sys.stderr)
        return 130
    except Exception as error:
        explanation = explained(error)
        if debug or explanation is None:
            raise
        print(f"error: {explanation}", file=sys.stderr)
        return 2
