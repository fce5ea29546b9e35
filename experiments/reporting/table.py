"""What a table is, before it is text: cells with their print and their exact numbers; builds tables of accuracies."""
from dataclasses import dataclass, field

from .names import counterpart, display_name
from .numbers import deviation, fixed, mean, percent, signed

MISSING = "-"


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
        rows: lists of Cell; rows that agree in the first cell belong together. notes, missing: sentences.
        data: the unrounded numbers, a dict a number, for CSV.
    """

    name: str
    title: str
    columns: list
    labels: int
    rows: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    missing: list = field(default_factory=list)
    data: list = field(default_factory=list)


@dataclass
class Accuracy:
    """Number of a cell, in per cent.

    Attributes:
        mean: Fraction; None if missing. deviation: over seeds, None for one seed. paper: Fraction, None if the paper
            has none. counts: {seed: (correct, total)}.
    """

    mean: object = None
    deviation: float = None
    paper: object = None
    counts: dict = field(default_factory=dict)

    @classmethod
    def of(cls, by_seed, paper=None):
        """Of {seed: record}; without records, a missing number."""
        counts = {seed: (record["correct"], record["total"]) for seed, record in sorted(by_seed.items())}
        values = [percent(*pair) for pair in counts.values()]
        trained = any(record["epoch"] for record in by_seed.values())  # else all seeds are the same run
        return cls(mean(values), deviation(values) if trained else None, paper, counts)

    def text(self):
        if self.mean is None:
            return MISSING
        return fixed(self.mean) + (f" ± {fixed(self.deviation)}" if self.deviation is not None else "")

    def difference(self):
        return None if self.mean is None or self.paper is None else self.mean - self.paper

    def row(self, **identity):
        """The unrounded numbers as a dict."""
        return {
            **identity,
            "mean": number(self.mean), "deviation": number(self.deviation), "paper": number(self.paper),
            "difference": number(self.difference()), "seeds": " ".join(map(str, self.counts)),
            "counts": " ".join(f"{correct}/{total}" for correct, total in self.counts.values()),
        }


def number(value):
    """As CSV has it: a float with all its digits, nothing where there is none."""
    return "" if value is None else float(value)


@dataclass
class Group:
    """Rows that belong together: methods on one data set, or their average.

    ``rows``: {method: {measure: Accuracy}}; a measure that makes no sense for a method is left out of its dict.
    """

    label: str
    rows: dict
    dataset: str = ""  # registered name; "" for an average


def better(rows, method, measure):
    """Whether a method is better than itself with, or without, MAO."""
    mine, other = (rows.get(name, {}).get(measure, Accuracy()).mean for name in (method, counterpart(method)))
    return mine is not None and other is not None and mine > other


def accuracy_table(name, title, groups, measures, **data):
    """Table of groups of methods: for each measure the accuracy, the paper's and the difference where there are any.

    Args:
        measures: {measure: head of its column}. data: what the rows for CSV have in common.
    """
    accuracies = [accuracy for group in groups for row in group.rows.values() for accuracy in row.values()]
    with_paper = any(accuracy.paper is not None for accuracy in accuracies)
    heads = [head for text in measures.values() for head in ([text, "paper", "diff."] if with_paper else [text])]
    table = Table(name, title, ["data set", "method", *heads], labels=2)
    for group in groups:
        for method, row in group.rows.items():
            cells = [Cell(group.label), Cell(method)]
            for measure in measures:
                accuracy = row.get(measure)
                cells += accuracy_cells(accuracy, better(group.rows, method, measure), with_paper)
                if accuracy is not None:
                    table.data.append(accuracy.row(layout=name, **data, dataset=group.dataset or group.label,
                                                   method=method, measure=measure))
            table.rows.append(cells)
    return table


def accuracy_cells(accuracy, bold, with_paper):
    """Cells of one accuracy; empty ones where it makes no sense (None)."""
    if accuracy is None:
        return [Cell("")] * (3 if with_paper else 1)
    cells = [Cell(accuracy.text(), bold)]
    if with_paper:
        difference = accuracy.difference()
        cells.append(Cell("" if accuracy.paper is None else fixed(accuracy.paper)))
        cells.append(Cell("" if difference is None else signed(difference)))
    return cells


def average(groups, method, measure):
    """Mean over groups as an Accuracy; missing if it is missing in one of them."""
    means = [group.rows.get(method, {}).get(measure, Accuracy()).mean for group in groups]
    return Accuracy(mean(means)) if means and None not in means else Accuracy()


def missing_sentence(dataset, method, what, seeds):
    """Names a job that a table lacks."""
    return f"{display_name(dataset)}: {method}, {what}" + (f", seed {', '.join(map(str, seeds))}" if seeds else "")
