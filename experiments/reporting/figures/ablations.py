"""Figures of the ablations: accuracy over K for each batch size B, and every other setting beside the default."""
import matplotlib
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from ..ablation import BASE, NEW, ablation_rows
from ..names import display_name, sort_datasets, sort_methods
from ..numbers import harmonic_mean
from ..settings import DEFAULT, B, K, label
from ..table import Accuracy
from .style import MEASURES, OTHERS, SETTINGS, Drawing, grid, legend

LINES = {2: ("#56B4E9", "o"), 4: ("#0072B2", "s"), 8: ("#D55E00", "D"), 16: ("#009E73", "^")}  # by batch size


def ablations(request):
    rows, _ = ablation_rows(request)
    wanted = request.datasets or [dataset for dataset, _ in rows]
    order = [(dataset, method) for dataset in sort_datasets({dataset for dataset, _ in rows} & set(wanted))
             for method in sort_methods({method for _, method in rows}) if (dataset, method) in rows]
    found = {pair: [(setting, numbers_of(columns)) for setting, columns in rows[pair]] for pair in order}
    return [drawing for drawing in (draw_k(found), draw_settings(found)) if drawing]


def numbers_of(columns):
    """{"base", "new": Accuracy; "H"} of {column: {seed: record}}; missing ones left out."""
    numbers = {measure: Accuracy.of(columns[measure]) for measure in (BASE, NEW)}
    numbers["H"] = Accuracy(harmonic_mean(numbers[BASE].mean, numbers[NEW].mean))
    return {measure: number for measure, number in numbers.items() if number.mean is not None}


def draw_k(found):
    """Base, new and H against K, a line a batch size; None unless there are two values of K."""
    found = {pair: [(setting, numbers) for setting, numbers in rows if set(setting) <= {B, K}]
             for pair, rows in found.items()}
    found = {pair: rows for pair, rows in found.items() if len({setting.get(K) for setting, _ in rows}) > 1}
    if not found:
        return None
    batches = sorted({setting.get(B, DEFAULT[B]) for rows in found.values() for setting, _ in rows})
    counts = sorted({setting.get(K, DEFAULT[K]) for rows in found.values() for setting, _ in rows})
    looks = {batch: {"color": LINES.get(batch, (OTHERS[0], "v"))[0], "marker": LINES.get(batch, (OTHERS[0], "v"))[1],
                     "linewidth": 1.5, "markersize": 5} for batch in batches}
    with matplotlib.rc_context(SETTINGS):
        figure, axes = grid(3 * len(found), 3, 3.3, 2.9)
        for row, ((dataset, method), rows) in enumerate(found.items()):
            for axis, measure in zip(axes[3 * row:], (BASE, NEW, "H")):
                for batch in batches:
                    draw_line(axis, rows, measure, batch, looks[batch], 1 + 0.03 * (batches.index(batch)
                                                                                    - (len(batches) - 1) / 2))
                axis.set_xscale("log", base=2)
                axis.xaxis.set(major_locator=FixedLocator(counts), minor_locator=NullLocator(),
                               major_formatter=ScalarFormatter())
                axis.set(title=f"{method}, {display_name(dataset)}", xlabel="K (classes an anchor brings)",
                         ylabel=f"{measure} (%)")
        legend(figure, {f"B = {batch} anchors": looks[batch] for batch in batches})
    return Drawing("ablation_k",
                   "Accuracy against K for each number of anchors B; bars: standard deviation over seeds.",
                   f"Curves of base, new and H over K = {', '.join(map(str, counts))} for "
                   f"{', '.join(f'{method} on {display_name(dataset)}' for dataset, method in found)}.", figure)


def draw_line(axis, rows, measure, batch, look, shift):
    """One batch size. ``shift``: factor of K, so that bars of several lines stand side by side."""
    line = sorted((setting.get(K, DEFAULT[K]), numbers[measure]) for setting, numbers in rows
                  if setting.get(B, DEFAULT[B]) == batch and measure in numbers) if rows else []
    if line:
        axis.errorbar([count * shift for count, _ in line], [float(number.mean) for _, number in line],
                      yerr=[number.deviation or 0 for _, number in line], elinewidth=0.9, **look)


def draw_settings(found):
    """Base, new and H of each setting but those of B and K alone; None unless there are some."""
    found = {pair: [(setting, numbers) for setting, numbers in rows if not setting or not set(setting) <= {B, K}]
             for pair, rows in found.items()}
    found = {pair: rows for pair, rows in found.items() if any(setting for setting, _ in rows)}
    if not found:
        return None
    most = max(map(len, found.values()))
    with matplotlib.rc_context(SETTINGS):
        figure, axes = grid(len(found), 1, 8.5, 0.8 + 0.36 * most)
        for axis, ((dataset, method), rows) in zip(axes, found.items()):
            for position, (_, numbers) in enumerate(rows):
                for offset, (measure, number) in zip((-0.2, 0, 0.2), numbers.items()):
                    axis.errorbar(float(number.mean), position + offset, xerr=number.deviation or None,
                                  color=MEASURES[measure], marker={BASE: "o", NEW: "s", "H": "D"}[measure],
                                  markersize=5, elinewidth=0.9)
            axis.set_yticks(range(len(rows)), [label(setting) for setting, _ in rows])
            axis.set_ylim(len(rows) - 0.5, -0.5)
            axis.set(title=f"{method}, {display_name(dataset)}", xlabel="accuracy (%)")
        legend(figure, {measure: {"color": MEASURES[measure], "marker": marker, "linestyle": ""}
                        for measure, marker in ((BASE, "o"), (NEW, "s"), ("H", "D"))})
    return Drawing("ablation_settings", "Each setting that differs from the default one; bars: standard deviation over "
                                        "seeds.",
                   f"Points of base, new and H for each setting of "
                   f"{', '.join(f'{method} on {display_name(dataset)}' for dataset, method in found)}.", figure)
