"""Tables of accuracies with a group of rows per data set, one row per method, and an average over data sets."""
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from experiments.catalogue import counterpart, display_name, is_control

from .accuracy import Accuracy, average, footnotes
from .cells import Cells
from .numbers import fixed, signed
from .paper import AVERAGE
from .table import Cell, Table, missing_sentence


@dataclass
class Group:
    """Rows that belong together: methods on one data set, or their average.

    Attributes:
        rows: {method: {measure: Accuracy}}; a measure that makes no sense for a method is left out of its dict.
        dataset: registered name; "" for an average.
    """

    label: str
    rows: dict[str, dict[str, Accuracy]]
    dataset: str = ""

    @property
    def numbers(self) -> list[Accuracy]:
        return [accuracy for row in self.rows.values() for accuracy in row.values()]


def make_groups(cells: Cells[str], datasets: Sequence[str], methods: Sequence[str],
                measures: Callable[[str], Sequence[str]], describe: Callable[[str, str], str],
                ) -> tuple[list[Group], list[str]]:
    """Groups of all methods on all data sets, and sentences on what is missing.

    Args:
        measures: function of a method to what tells its cells apart. describe: function of a method and such a measure
            to how it is called where it is missing.
    """
    seeds, untrained = cells.seeds, cells.untrained(methods)
    groups, missing = [], []
    for dataset in datasets:
        group = Group(display_name(dataset), {}, dataset)
        for method in methods:
            group.rows[method] = {}
            for measure in measures(method):
                by_seed = cells[dataset, method, measure]
                group.rows[method][measure] = Accuracy.of(by_seed)
                lacking = [] if method in untrained else [seed for seed in seeds if seed not in by_seed]
                if lacking or not by_seed:
                    missing.append(missing_sentence(dataset, method, describe(method, measure), lacking))
        groups.append(group)
    return groups, missing


def average_group(groups: Sequence[Group], label: str) -> Group:
    """The averages over groups; missing where one of them is."""
    return Group(label, {method: {measure: average(group.rows[method][measure] for group in groups) for measure in row}
                         for method, row in groups[0].rows.items()})


def add_paper(groups: Sequence[Group], lookup: Callable[[str, str, str], Fraction | None], averages: bool) -> None:
    """Put the paper's numbers beside ours.

    Args:
        lookup: function of data set, method and measure. averages: whether our averages are of the paper's data sets.
    """
    for group in groups:
        dataset = group.dataset or (AVERAGE if averages else "")
        for method, row in group.rows.items():
            for measure, accuracy in row.items():
                accuracy.paper = lookup(dataset, method, measure)


def accuracy_table(name: str, title: str, groups: Sequence[Group], measures: Mapping[str, str]) -> Table:
    """Table of groups: for each measure the accuracy and, where there are any, the paper's and the difference.

    Args:
        measures: {measure: head of its column}.
    """
    numbers = [accuracy for group in groups for accuracy in group.numbers]
    with_paper = any(accuracy.paper is not None for accuracy in numbers)
    heads = [head for text in measures.values() for head in ([text, "paper", "diff."] if with_paper else [text])]
    table = Table(name, title, ["data set", "method", *heads], labels=2, notes=footnotes(numbers))
    for group in groups:
        for method, row in group.rows.items():
            cells = [Cell(group.label), Cell(method)]
            for measure in measures:
                cells += accuracy_cells(row.get(measure), is_better(group, method, measure), with_paper)
            table.rows.append(cells)
            table.data += [row[measure].row(layout=name, dataset=group.dataset or group.label, method=method,
                                            measure=measure) for measure in measures if measure in row]
    return table


def accuracy_cells(accuracy: Accuracy | None, bold: bool, with_paper: bool) -> list[Cell]:
    """Cells of one accuracy; empty ones where it makes no sense (None)."""
    if accuracy is None:
        return [Cell("")] * (3 if with_paper else 1)
    paper, difference = accuracy.paper, accuracy.difference
    beside = [Cell("" if paper is None else fixed(paper)), Cell("" if difference is None else signed(difference))]
    return [Cell(str(accuracy), bold), *(beside if with_paper else [])]


def is_better(group: Group, method: str, measure: str) -> bool:
    """Whether a method is better than itself with, or without, MAO; its control is neither."""
    if is_control(method):
        return False
    mine, other = (group.rows.get(name, {}).get(measure, Accuracy()).mean for name in (method, counterpart(method)))
    return mine is not None and other is not None and mine > other
