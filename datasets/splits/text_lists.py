"""Read the lists that come with data sets: lines of text, JSON tables and MATLAB files."""
import io
import json
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np

from compat.errors import UserError

from .plain_files import read_plain
from .split_file import shown

Line = TypeVar("Line")
Parsed = TypeVar("Parsed")


def read_lines(path: Path) -> list[str]:
    """Stripped lines of a text file that are not empty; UserError if it cannot be read."""
    try:
        return [line.strip() for line in read_plain(path).decode().splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from error


def read_table(path: Path) -> dict[str, object]:
    """The dict in a JSON file; UserError if it cannot be read."""
    try:
        table = json.loads(read_plain(path))
        if not isinstance(table, dict):
            raise ValueError("not a JSON object")
        return table
    except (OSError, ValueError, RecursionError) as error:
        raise unreadable(path, error) from error


def read_matlab(path: Path, variable: str) -> np.ndarray:
    """A variable of a MATLAB file as an array of one dimension; UserError if it cannot be read."""
    try:
        content = read_plain(path)
        with ProcessPoolExecutor(1) as pool:  # a damaged file can crash scipy, and the process with it
            return pool.submit(load_matlab, content, variable).result()
    except Exception as error:  # scipy raises many kinds
        raise unreadable(path, error) from error


def load_matlab(content: bytes, variable: str) -> np.ndarray:
    from scipy.io import loadmat  # slow to import, and two data sets need it

    return np.ravel(loadmat(io.BytesIO(content), squeeze_me=True)[variable])


def parse_all(path: Path, lines: Iterable[Line], parse: Callable[[Line], Parsed]) -> list[Parsed]:
    """``parse`` of each line; UserError names the file and the line that does not have the expected form."""
    parsed = []
    for line in lines:
        try:
            parsed.append(parse(line))
        except (IndexError, KeyError, ValueError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise UserError(f"{str(path)!r} holds the line {shown(line)}, which does not fit ({reason}): get "
                            "the data set's files again (docs/datasets.md)") from error
    return parsed


def unreadable(path: Path, error: Exception) -> UserError:
    reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
    return UserError(f"cannot read {str(path)!r} ({reason}): get the data set's files again (docs/datasets.md)")
