"""Figure: bars of base, new and H of each method, one panel per data set."""
import matplotlib
from matplotlib.axes import Axes

from experiments.catalogue import display_name

from ..accuracy import Accuracy, notes_of
from ..auto import Row, rows_by_dataset
from ..numbers import fixed
from ..request import Request
from .style import MEASURES, SETTINGS, Drawing, grid, legend

WIDTH = 0.2  # of the distance between methods


def bars(request: Request) -> list[Drawing]:
    by_dataset, _ = rows_by_dataset(request)
    if not by_dataset:
        return []
    most = max(map(len, by_dataset.values()))
    with matplotlib.rc_context(SETTINGS):
        figure, axes = grid(len(by_dataset), len(by_dataset), max(4.0, 2.2 * most), 4.2)
        for axis, (dataset, rows) in zip(axes, by_dataset.items(), strict=True):
            draw(axis, rows)
            axis.set(title=display_name(dataset), ylabel="accuracy on test images (%)")
        there = {measure for rows in by_dataset.values() for row in rows for measure in heights(row)}
        legend(figure, {measure: {"color": color, "linewidth": 8} for measure, color in MEASURES.items()
                        if measure in there})
    numbers = "; ".join(f"{row.method} on {display_name(dataset)}: " + ", ".join(
        f"{measure} {number.short()}" for measure, number in heights(row).items())
        for dataset, rows in by_dataset.items() for row in rows)
    notes = notes_of(number for rows in by_dataset.values() for row in rows for number in row.numbers.values())
    return [Drawing("bars", "Accuracy on base and on new classes, and H, their harmonic mean; lines: standard "
                            "deviation over seeds.", f"Bars of base, new and H. {numbers}.", figure, notes)]


def heights(row: Row) -> dict[str, Accuracy]:
    """The accuracies that a row has, by measure."""
    return {measure: number for measure, number in row.numbers.items() if number.mean is not None}


def draw(axis: Axes, rows: list[Row]) -> None:
    for position, row in enumerate(rows):
        shown = heights(row)
        for k, (measure, number) in enumerate(shown.items()):
            x = position + (k - (len(shown) - 1) / 2) * WIDTH
            axis.bar(x, number.value, WIDTH * 0.92, yerr=number.deviation, color=MEASURES[measure])
            axis.text(x, number.value + (number.deviation or 0) + 0.5, fixed(number.value, 1) + number.marks,
                      ha="center", va="bottom", fontsize=7)
    axis.set_xticks(range(len(rows)), [row.method for row in rows])
    axis.margins(y=0.1)
    axis.grid(axis="x", visible=False)
