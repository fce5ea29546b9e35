"""Layout "auto": one base-to-new table per data set, with the accuracy on new classes after each of MAO's two steps."""
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.catalogue import display_name, sort_datasets, sort_methods

from .accuracy import Accuracy, footnotes, with_h
from .cells import BySeed, choose
from .differences import difference_table
from .records import BASE, NEW, NEW_AFTER_BASE
from .request import Request
from .settings import labellers
from .table import Cell, Table, missing_sentence


@dataclass
class Row:
    """A method, trained with a number of images per class. ``columns``: the evaluations that count, by column."""

    method: str
    shots: int  # as Evaluation.shown_shots
    columns: dict[str, BySeed]

    @property
    def has_steps(self) -> bool:
        """Whether it is tested on new classes after each of two steps (MAO)."""
        return any(one.stage for by_seed in self.columns.values() for one in by_seed.values())

    @property
    def seeds(self) -> list[int]:
        return sorted({seed for by_seed in self.columns.values() for seed in by_seed})

    @property
    def numbers(self) -> dict[str, Accuracy]:
        """The accuracy of each column that the row should have, missing ones among them, and H."""
        columns = (BASE, NEW_AFTER_BASE, NEW) if self.has_steps else (BASE, NEW)
        return with_h({column: self.columns.get(column, {}) for column in columns})


def auto(request: Request) -> list[Table]:
    by_dataset, notes = rows_by_dataset(request)
    tables = [one_table(dataset, rows) for dataset, rows in by_dataset.items()]
    if tables:
        tables[-1].notes += notes
    by_shots: dict[tuple[str, int], dict[str, dict[str, Accuracy]]] = {}
    for dataset, rows in by_dataset.items():
        for row in rows:
            by_shots.setdefault((dataset, row.shots), {})[row.method] = row.numbers
    return [*tables, *difference_table("auto", [(dataset, methods) for (dataset, _), methods in by_shots.items()],
                                       (BASE, NEW_AFTER_BASE, NEW, "H"))]


def rows_by_dataset(request: Request) -> tuple[dict[str, list[Row]], list[str]]:
    """{data set: its rows, zero-shot CLIP first} of all base-to-new evaluations, and notes on what was left out."""
    cells = choose(request, (one for one in request.shown if one.column and one.at_home),
                   lambda one: (one.shown_shots, one.column), one_shots=False)
    rows: dict[str, dict[tuple[str, int], Row]] = {}
    for one in cells.evaluations:
        row = rows.setdefault(one.dataset, {}).setdefault((one.trainer, one.shown_shots),
                                                          Row(one.trainer, one.shown_shots, {}))
        row.columns.setdefault(str(one.column), {})[one.seed] = one
    order = sort_methods(cells.methods)

    def position(row: Row) -> tuple[bool, int, float]:
        return row.shots != 0, order.index(row.method), row.shots if row.shots >= 0 else float("inf")

    return ({dataset: sorted(rows[dataset].values(), key=position) for dataset in sort_datasets(rows)},
            [*labellers(cells.evaluations), *cells.notes])


def one_table(dataset: str, rows: Sequence[Row]) -> Table:
    of_rows = [row.numbers for row in rows]
    columns = [column for column in (BASE, NEW_AFTER_BASE, NEW, "H") if any(column in numbers for numbers in of_rows)]
    table = Table(f"auto-{dataset}", f"{display_name(dataset)}: accuracy in per cent, mean ± standard deviation over "
                  "seeds", ["method", "shots", "seeds", *columns], labels=1,
                  notes=footnotes([number for numbers in of_rows for number in numbers.values()]))
    seeds = sorted({seed for row in rows for seed in row.seeds})
    for row, numbers in zip(rows, of_rows, strict=True):
        shots = "all" if row.shots < 0 else str(row.shots)
        table.rows.append([Cell(row.method), Cell(shots), Cell(" ".join(map(str, row.seeds))),
                           *(Cell(str(numbers[column]) if column in numbers else "") for column in columns)])
        table.data += [accuracy.row(layout="auto", shots=shots, dataset=dataset, method=row.method, measure=measure)
                       for measure, accuracy in numbers.items()]
        for column, accuracy in numbers.items():
            lacking = [seed for seed in (seeds if row.shots else row.seeds) if seed not in accuracy.counts]
            if lacking and column != "H":
                table.missing.append(missing_sentence(dataset, row.method, column, lacking))
    return table
