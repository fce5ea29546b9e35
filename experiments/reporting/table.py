"""What a table is, before it is text: cells with their print and their exact numbers."""
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby

from experiments.catalogue import display_name


@dataclass(frozen=True)
class Cell:
    """Print of a cell. ``bold``: the better of with and without MAO."""

    text: str
    bold: bool = False


@dataclass
class Table:
    """A table.

    Attributes:
        name: for files and links. title: a sentence. columns: their heads; the first ``labels`` ones name the row.
        rows: with more than one label, those that agree in the first cell belong together.
        notes, missing: sentences. data: the unrounded numbers for CSV, one dict per number.
    """

    name: str
    title: str
    columns: list[str]
    labels: int
    rows: list[list[Cell]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    data: list[dict[str, object]] = field(default_factory=list)

    @property
    def groups(self) -> list[list[list[Cell]]]:
        """The rows, those that belong together in a list of their own."""
        return [list(rows) for _, rows in groupby(self.rows, lambda row: row[0].text if self.labels > 1 else "")]

    @property
    def has_bold(self) -> bool:
        return any(cell.bold for row in self.rows for cell in row)


def missing_sentence(dataset: str, method: str, what: str, seeds: Iterable[int]) -> str:
    """Names an evaluation that a table lacks; without seeds, where they change nothing."""
    listed = ", ".join(map(str, seeds))
    return f"{display_name(dataset)}: {method}, {what}" + (f", seed {listed}" if listed else "")
