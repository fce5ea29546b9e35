"""Predictions as rows of a file: CSV, or one JSON object per line."""
import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from compat.errors import UserError
from compat.files import atomic_write

if TYPE_CHECKING:
    from .model import Prediction

FORMATS = (".csv", ".jsonl")


def check_format(path: str) -> None:
    """Raise UserError unless a file's suffix says one of the two formats."""
    if Path(path).suffix not in FORMATS:
        raise UserError(f"--output {path!r} ends in neither {' nor '.join(FORMATS)}: give a file of one of these")


class Writer:
    """Writes predictions to an open file, in the format of its suffix.

    CSV: image, label and probability of the best class, the same of the next ones (label_2, probability_2, ...), then
    the probability of each class where all are wanted, and the error.
    """

    def __init__(self, file: IO[str], suffix: str, topk: int, every_class: list[str] | None) -> None:
        self.file, self.topk, self.every_class = file, topk, every_class
        self.rows = csv.writer(file) if suffix == ".csv" else None
        if self.rows:
            ranks = ["", *(f"_{rank}" for rank in range(2, topk + 1))]
            self.rows.writerow(["image", *(f"{what}{rank}" for rank in ranks for what in ("label", "probability")),
                                *(f"probability of {name}" for name in every_class or ()), "error"])

    def write(self, found: "Prediction") -> None:
        best = found.classes[:self.topk]
        every = dict(found.classes) if self.every_class is not None else {}
        if self.rows:
            cells = [part for name, value in best for part in (name, f"{value:.6f}")]
            cells += [""] * (2 * self.topk - len(cells))
            cells += [f"{every[name]:.6f}" if every else "" for name in self.every_class or ()]
            self.rows.writerow([found.image, *cells, found.error])
            return
        record = {"image": found.image, "predictions": [{"label": name, "probability": value} for name, value in best],
                  **({"probabilities": {name: every[name] for name in self.every_class}}
                     if self.every_class is not None and every else {}),
                  **({"error": found.error} if found.error else {})}
        self.file.write(json.dumps(record, ensure_ascii=False) + "\n")


def write_predictions(path: str, predictions: "Iterator[Prediction]", topk: int, every_class: list[str] | None,
                      ) -> tuple[int, int]:
    """Write predictions to a file as they come; it is there when all are.

    Returns:
        (images, those that could not be read)
    """
    count = failed = 0
    with atomic_write(path, "w") as file:
        writer = Writer(file, Path(path).suffix, topk, every_class)
        for found in predictions:
            writer.write(found)
            count, failed = count + 1, failed + bool(found.error)
    return count, failed
