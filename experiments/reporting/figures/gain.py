"""Figure: how much MAO gains over its backbone on each data set, in base, new and H."""
import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from experiments.catalogue import backbone, has_steps

from ..accuracy import Accuracy, marks_of, notes_of
from ..groups import Group
from ..numbers import signed
from ..request import Request
from ..table1 import MEASURES, base_to_new_groups
from .style import GREY, INK, SETTINGS, Drawing, color

BAR = 0.8  # of the distance between data sets, for all backbones together

Gain = tuple[float, float | None]
"""In percentage points: ours and the paper's, None if it has none."""
Gains = dict[str, dict[str, Gain]]
"""{method with MAO: {measure: gain}} on a data set."""


def gains(groups: list[Group]) -> list[tuple[str, Gains]]:
    """Gains on each data set that has a method with and without MAO; marked ones have the marks in its name."""
    found = []
    for group in groups:
        rows = {method: gains_over(row, group.rows[str(backbone(method))]) for method, row in group.rows.items()
                if has_steps(method) and backbone(method) in group.rows}
        rows = {method: row for method, row in rows.items() if row}
        if rows:
            found.append((group.label + marks_of(notes_of(group.numbers)), rows))
    return found


def gains_over(with_mao: dict[str, Accuracy], without: dict[str, Accuracy]) -> dict[str, Gain]:
    """{measure: gain} of the measures that both rows have."""
    found = {}
    for measure in MEASURES:
        mine, other = with_mao[measure], without[measure]
        if mine.mean is not None and other.mean is not None:
            of_paper = None if mine.paper is None or other.paper is None else float(mine.paper - other.paper)
            found[measure] = (float(mine.mean - other.mean), of_paper)
    return found


def gain(request: Request) -> list[Drawing]:
    of_tables = base_to_new_groups(request)[0]
    groups = gains(of_tables)
    if not groups:
        return []
    methods = list(dict.fromkeys(method for _, rows in groups for method in rows))
    of_paper = [number for _, rows in groups for row in rows.values() for _, number in row.values()]
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(9, 1.5 + len(groups) * max(0.22 * len(methods), 0.35)), layout="constrained")
        axes = figure.subplots(1, len(MEASURES), sharey=True)
        for axis, measure in zip(axes, MEASURES, strict=True):
            draw(axis, measure, groups, methods)
        axes[0].set_yticks(range(len(groups)), [label for label, _ in groups])
        axes[0].set_ylim(len(groups) - 0.4, -0.6)
        handles: list[Artist] = [
            Patch(color=color(method), label=f"{method} over {backbone(method)}") for method in methods]
        if any(number is not None for number in of_paper):
            handles.append(Line2D([], [], color=INK, marker="|", linestyle="", markersize=9, markeredgewidth=2,
                                  label="the paper's gain"))
        figure.legend(handles=handles, loc="outside lower center", ncols=min(4, len(handles)))
    numbers = "; ".join(f"{label}: " + ", ".join(f"{method} {signed(row['H'][0])}" for method, row in rows.items()
                                                 if "H" in row) for label, rows in groups)
    return [Drawing("gain", "Gain of MAO over its backbone, in percentage points; right of the line MAO is better.",
                    f"Bars of the gain of MAO over its backbone. Gain in H: {numbers}.", figure,
                    notes_of(number for group in of_tables for number in group.numbers))]


def draw(axis: Axes, measure: str, groups: list[tuple[str, Gains]], methods: list[str]) -> None:
    """Bars of one measure, with the paper's gains as marks."""
    height = BAR / len(methods)
    for k, method in enumerate(methods):
        for position, (_, rows) in enumerate(groups):
            if measure not in rows.get(method, {}):
                continue
            value, of_paper = rows[method][measure]
            y = position + (k - (len(methods) - 1) / 2) * height
            axis.barh(y, value, height * 0.88, color=color(method))
            outer = (max if value >= 0 else min)(value, value if of_paper is None else of_paper)
            axis.annotate(signed(value, 1), (outer, y), xytext=(4 if value >= 0 else -4, 0), va="center",
                          textcoords="offset points", ha="left" if value >= 0 else "right", fontsize=7, color=INK)
            if of_paper is not None:
                axis.plot(of_paper, y, marker="|", color=INK, markersize=9, markeredgewidth=2)
    axis.axvline(0, color=GREY, linewidth=1)
    axis.grid(axis="y", visible=False)
    axis.spines["left"].set_visible(False)
    axis.tick_params(axis="y", length=0)
    axis.margins(x=0.22)
    axis.set(title=measure, xlabel="gain (percentage points)")
