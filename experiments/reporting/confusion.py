"""What a run confuses: the accuracy of each class and the most confused pairs, from the confusion matrices of runs.

    python scripts/confusion.py output/run --output output/confusion

A test with TEST.COMPUTE_CMAT True leaves the matrix (runs/confusion.py).
"""
import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compat.errors import UserError, exit_code
from runs.confusion import Confusion, read_confusion
from runs.records import last_record

from .figures.confusion import draw_confusion
from .figures.style import Drawing
from .numbers import fixed
from .request import Request, write_output
from .table import Cell, Table
from .text import render

PATTERN = "confusion_*.csv"
PAIRS = 20
WORST = 20  # classes that are shown; files hold all


@dataclass(frozen=True)
class Tested:
    """The confusion matrix of an evaluation. ``name``: for files. ``title``: what was tested."""

    name: str
    title: str
    confusion: Confusion


def find(paths: Iterable[str | Path]) -> list[Tested]:
    """The matrices in some folders and below them; UserError if a folder is missing, or there is none."""
    files: dict[str, Path] = {}
    for path in paths:
        if not Path(path).is_dir():
            raise UserError(f"{str(path)!r} is no folder: give output folders of runs")
        files.update((os.path.realpath(file), file) for file in sorted(Path(path).rglob(PATTERN)))
    if not files:
        raise UserError(f"no confusion matrix in {', '.join(map(str, paths))}: test with TEST.COMPUTE_CMAT True first")
    return [tested(file) for file in files.values()]


def tested(file: Path) -> Tested:
    split = file.stem.removeprefix("confusion_")
    record = last_record(file.parent) or {}
    label = record.get("label") or record.get("dataset", "its data set")
    name = "-".join([*file.parent.absolute().parts[-3:], split])
    return Tested(name, f"{record.get('trainer', 'a run')} on {label}, {split} images, {file.parent}",
                  read_confusion(file))


def class_table(one: Tested, most: int | None = None) -> Table:
    """Accuracy of each class, the lowest first; classes without an image last."""
    counts = one.confusion.counts
    totals, hits = counts.sum(axis=1), counts.diagonal()
    order = sorted(range(len(totals)), key=lambda k: (totals[k] == 0, hits[k] / max(totals[k], 1), k))
    table = Table(f"classes-{one.name}", f"Accuracy per class in per cent: {one.title}",
                  ["class", "images", "correct", "accuracy", "taken for it"], 1)
    for k in order:
        accuracy = 100 * int(hits[k]) / int(totals[k]) if totals[k] else None
        wrong = int(counts[:, k].sum() - hits[k])
        if most is None or len(table.rows) < most:
            shown = "-" if accuracy is None else fixed(accuracy, 2)
            table.rows.append([Cell(text) for text in (one.confusion.names[k], str(totals[k]), str(hits[k]), shown,
                                                       str(wrong))])
        table.data.append({"label": k, "class": one.confusion.names[k], "images": int(totals[k]),
                           "correct": int(hits[k]), "accuracy": "" if accuracy is None else accuracy,
                           "taken_for_it": wrong})
    if len(order) > len(table.rows):
        table.notes.append(f"The {len(table.rows)} lowest of {len(order)} classes.")
    return table


def pair_table(one: Tested, most: int = PAIRS) -> Table:
    """The pairs of classes of which most images of the one are taken for the other."""
    counts, names = one.confusion.counts, one.confusion.names
    wrong = counts - np.diag(counts.diagonal())
    table = Table(f"pairs-{one.name}", f"Most confused pairs: {one.title}",
                  ["true class", "taken for", "images", "of"], 2)
    for flat in np.argsort(-wrong, axis=None, kind="stable")[:most]:
        true, predicted = divmod(int(flat), len(names))
        if wrong[true, predicted]:
            numbers = int(wrong[true, predicted]), int(counts[true].sum())
            table.rows.append([Cell(text) for text in (names[true], names[predicted], *map(str, numbers))])
            table.data.append({"true": names[true], "predicted": names[predicted], "images": numbers[0],
                               "of": numbers[1]})
    return table


def shown(request: Request) -> tuple[list[Table], list[Drawing]]:
    """Tables and figures of all matrices beside the records of a request."""
    folders = dict.fromkeys(one.path.parent for one in request.shown)
    found = [tested(file) for folder in folders for file in sorted(folder.glob(PATTERN))]
    return ([table for one in found for table in (class_table(one, WORST), pair_table(one))],
            [draw_confusion(one.name, one.title, one.confusion) for one in found])


def run(args: argparse.Namespace) -> None:
    for one in find(args.paths):
        classes, pairs = class_table(one), pair_table(one, args.pairs)
        print(render([class_table(one, WORST), pairs], "terminal"))
        if args.output:
            drawing = draw_confusion(one.name, one.title, one.confusion)
            for name, content in ((f"{classes.name}.csv", render([classes], "csv")),
                                  (f"{pairs.name}.csv", render([pairs], "csv")),
                                  (f"{drawing.name}.png", drawing.png()), (f"{drawing.name}.svg", drawing.svg())):
                write_output(Path(args.output) / name, content)
                print(Path(args.output) / name)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("paths", nargs="+", metavar="RUN",
                        help="output folders of runs that were tested with TEST.COMPUTE_CMAT True; they are searched")
    parser.add_argument("--output", default="", help="folder for csv files and the figure (default: none are written)")
    parser.add_argument("--pairs", type=int, default=PAIRS, help=f"pairs to list (default: {PAIRS})")
    args = parser.parse_args(argv)
    if args.pairs < 1:
        parser.error(f"--pairs {args.pairs}: give a number of at least 1")
    return exit_code(lambda: run(args))


if __name__ == "__main__":
    sys.exit(main())
