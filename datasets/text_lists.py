"""Read the lists that come with data sets: lines of text, JSON tables and MATLAB files."""
import json

from compat.errors import UserError


def read_lines(path):
    """Stripped lines of a text file that are not empty; UserError if it cannot be read."""
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from error


def read_table(path):
    """The dict in a JSON file; UserError if it cannot be read."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(table, dict):
            raise ValueError("not a JSON object")
        return table
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error


def read_matlab(path, variable):
    """A variable of a MATLAB file as an array; UserError if it cannot be read."""
    from scipy.io import loadmat

    try:
        return loadmat(path, squeeze_me=True)[variable]
    except Exception as error:  # scipy raises many kinds for a damaged file
        raise unreadable(path, error) from error


def unreadable(path, error):
    reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
    return UserError(f"cannot read {str(path)!r} ({reason}): get the data set's files again (docs/datasets.md)")


def entry(path, line, values):
    """Check that a line of a list has the form that is expected; ``values`` is a function that takes it apart."""
    try:
        return values()
    except (IndexError, KeyError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"{str(path)!r} holds the line {line!r}, which does not fit ({reason}): get "
                        "the data set's files again (docs/datasets.md)") from error
