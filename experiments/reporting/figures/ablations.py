"""Figures of the ablations: accuracy over K for each batch size B, and every other setting beside the default."""
from collections.abc import Callable, Iterable

import matplotlib
from matplotlib.axes import Axes

from experiments.catalogue import display_name, sort_datasets, sort_methods

from ..ablation import Pair, Row, ablation_rows
from ..accuracy import marks_of, notes_of
from ..records import BASE, NEW
from ..request import Request
from ..settings import B, K, defaults, label
from .style import MEASURES, OTHERS, SETTINGS, Drawing, Look, grid, legend, log_axis

SHOWN = {BASE: "o", NEW: "s", "H": "D"}  # measure: its marker
LINES = {2: ("#56B4E9", "o"), 4: ("#0072B2", "s"), 8: ("#D55E00", "D"), 16: ("#009E73", "^")}  # by batch size

Rows = dict[Pair, list[Row]]


def ablations(request: Request) -> list[Drawing]:
    rows, _ = ablation_rows(request)
    datasets = sort_datasets({dataset for dataset, _ in rows} & set(request.datasets or [pair[0] for pair in rows]))
    methods = sort_methods({method for _, method in rows})
    ordered = {(dataset, method): rows[dataset, method] for dataset in datasets for method in methods
               if (dataset, method) in rows}
    return [*draw_k(ordered), *draw_settings(ordered)]


def only(rows: Rows, wanted: Callable[[Row], bool], enough: Callable[[list[Row]], bool]) -> Rows:
    """The rows that are wanted, of the data sets and methods that have enough of them."""
    found = {pair: [row for row in of_pair if wanted(row)] for pair, of_pair in rows.items()}
    return {pair: of_pair for pair, of_pair in found.items() if enough(of_pair)}


def names_of(pairs: Iterable[Pair]) -> str:
    return ", ".join(f"{method} on {display_name(dataset)}" for dataset, method in pairs)


def doubts(rows: Iterable[Row]) -> tuple[str, ...]:
    """The notes of all numbers of some rows."""
    return notes_of(number for row in rows for number in row.numbers.values())


def value(row: Row, key: str) -> int:
    """Of B or K, which are always numbers."""
    return int(str(row.setting.get(key, defaults()[key])))


def draw_k(rows: Rows) -> list[Drawing]:
    """Base, new and H against K, a line per batch size; nothing unless there are two values of K."""
    found = only(rows, lambda row: set(row.setting) <= {B, K}, lambda some: len({value(row, K) for row in some}) > 1)
    if not found:
        return []
    batches, counts = (sorted({value(row, key) for some in found.values() for row in some}) for key in (B, K))
    looks = {}
    for batch in batches:
        color, marker = LINES.get(batch, (OTHERS[0], "v"))
        looks[batch] = {"color": color, "marker": marker, "linewidth": 1.5, "markersize": 5}
    with matplotlib.rc_context(SETTINGS):
        figure, axes = grid(len(SHOWN) * len(found), len(SHOWN), 3.3, 2.9)
        places = [(dataset, method, some, measure) for (dataset, method), some in found.items() for measure in SHOWN]
        for axis, (dataset, method, some, measure) in zip(axes, places, strict=True):
            for number, batch in enumerate(batches):
                shift = 1 + 0.03 * (number - (len(batches) - 1) / 2)  # so that bars of several lines stand side by side
                draw_line(axis, [row for row in some if value(row, B) == batch], measure, looks[batch], shift)
            log_axis(axis, counts, base=2)
            axis.set(title=f"{method}, {display_name(dataset)}{marks_of(doubts(some))}",
                     xlabel="K (classes an anchor brings)", ylabel=f"{measure} (%)")
        legend(figure, {f"B = {batch} anchors": looks[batch] for batch in batches})
    return [Drawing("ablation_k",
                    "Accuracy against K for each number of anchors B; bars: standard deviation over seeds.",
                    f"Curves of base, new and H over K = {', '.join(map(str, counts))} for {names_of(found)}.", figure,
                    doubts(row for some in found.values() for row in some))]


def draw_line(axis: Axes, rows: list[Row], measure: str, look: Look, shift: float) -> None:
    """A measure against K. ``shift``: factor of K."""
    line = [(value(row, K), row.numbers[measure]) for row in sorted(rows, key=lambda row: value(row, K))]
    line = [(count, number) for count, number in line if number.mean is not None]
    if line:
        axis.errorbar([count * shift for count, _ in line], [number.value for _, number in line],
                      yerr=[number.deviation or 0 for _, number in line], elinewidth=0.9, **look)


def draw_settings(rows: Rows) -> list[Drawing]:
    """Base, new and H of each setting but those of B and K alone; nothing unless there are some."""
    found = only(rows, lambda row: not row.setting or not set(row.setting) <= {B, K},
                 lambda some: any(row.setting for row in some))
    if not found:
        return []
    looks: dict[str, Look] = {measure: {"color": MEASURES[measure], "marker": marker}
                              for measure, marker in SHOWN.items()}
    with matplotlib.rc_context(SETTINGS):
        figure, axes = grid(len(found), 1, 8.5, 0.8 + 0.36 * max(map(len, found.values())))
        for axis, ((dataset, method), some) in zip(axes, found.items(), strict=True):
            for position, row in enumerate(some):
                there = [measure for measure in SHOWN if row.numbers[measure].mean is not None]
                for k, measure in enumerate(there):
                    number = row.numbers[measure]
                    axis.errorbar(number.value, position + 0.2 * (k - 1), xerr=number.deviation or None, markersize=5,
                                  elinewidth=0.9, **looks[measure])
            axis.set_yticks(range(len(some)), [label(row.setting) for row in some])
            axis.set_ylim(len(some) - 0.5, -0.5)
            axis.set(title=f"{method}, {display_name(dataset)}{marks_of(doubts(some))}", xlabel="accuracy (%)")
        legend(figure, {measure: {**look, "linestyle": ""} for measure, look in looks.items()})
    return [Drawing("ablation_settings",
                    "Each setting that differs from the default one; bars: standard deviation over seeds.",
                    f"Points of base, new and H for each setting of {names_of(found)}.", figure,
                    doubts(row for some in found.values() for row in some))]
