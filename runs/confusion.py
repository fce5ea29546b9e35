"""The confusion matrix of an evaluation as a file, ``confusion_test.csv`` or ``confusion_val.csv`` of the folder.

Counts of images, a row per true class and a column per predicted class, all classes in label order; the first row and
the first column hold the names.
"""
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compat.errors import UserError
from compat.files import write_file

CORNER = "true class \\ predicted class"


@dataclass(frozen=True)
class Confusion:
    """Attributes:
        names: of the classes in label order. counts: int64 (classes, classes), rows the true classes.
    """

    names: list[str]
    counts: np.ndarray


def counted(y_true: Sequence[int], y_pred: Sequence[int], names: list[str]) -> Confusion:
    """The confusion matrix of true and predicted labels of the same images, over all classes."""
    size = len(names)
    flat = np.asarray(y_true, np.int64) * size + np.asarray(y_pred, np.int64)
    return Confusion(names, np.bincount(flat, minlength=size * size).reshape(size, size))


def write_confusion(path: Path, confusion: Confusion) -> None:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([CORNER, *confusion.names])
    table.writerows([name, *row] for name, row in zip(confusion.names, confusion.counts.tolist(), strict=True))
    write_file(path, text.getvalue())


def read_confusion(path: Path) -> Confusion:
    """What ``write_confusion`` wrote; UserError if it is something else."""
    try:
        head, *rows = csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline=""))
        counts = np.array([[int(value) for value in row[1:]] for row in rows], np.int64)
        if head[:1] != [CORNER] or counts.shape != (len(head) - 1,) * 2 or counts.min() < 0 or not counts.any():
            raise ValueError("not a square of counts")
        return Confusion(head[1:], counts)
    except (OSError, ValueError, OverflowError, csv.Error) as error:
        raise UserError(f"{str(path)!r} is no confusion matrix of a run ({error}): test again with TEST.COMPUTE_CMAT "
                        "True") from error
