"""Figure: new against base accuracy, with curves of equal H; an arrow leads from a backbone to itself with MAO."""
import matplotlib
import numpy as np
from matplotlib.axes import Axes

from experiments.catalogue import backbone

from ..accuracy import Accuracy, marks_of, notes_of
from ..groups import Group
from ..records import BASE, NEW
from ..request import Request
from ..table1 import base_to_new_groups
from .style import GREY, SETTINGS, Drawing, grid, legend, look

PER_ROW = 3


def plane(request: Request) -> list[Drawing]:
    groups = [group for group in base_to_new_groups(request)[0] if points(group)]
    if not groups:
        return []
    methods = dict.fromkeys(method for group in groups for method in points(group))
    width, height = (6.2, 4.8) if len(groups) == 1 else (3.3, 3.2)
    with matplotlib.rc_context(SETTINGS):
        figure, axes = grid(len(groups), PER_ROW, width, height)
        for axis, group in zip(axes, groups, strict=True):
            draw(axis, group)
        legend(figure, {**{method: {**look(method), "linestyle": ""} for method in methods},
                        "equal H": {"color": GREY, "linestyle": ":"}})
    numbers = "; ".join(f"{group.label}: " + ", ".join(
        f"{method} {base.short()} and {new.short()}" for method, (base, new) in points(group).items())
        for group in groups)
    caption = ("Accuracy on base and on new classes; bars: standard deviation over seeds; dotted: equal H, the "
               "harmonic mean. Arrows lead from a backbone to itself with MAO.")
    return [Drawing("plane", caption, f"Points of base and new accuracy. {numbers}.", figure,
                    notes_of(number for group in groups for number in group.numbers))]


def points(group: Group) -> dict[str, tuple[Accuracy, Accuracy]]:
    """{method: (base, new)} of the methods of a group that have both."""
    return {method: (row[BASE], row[NEW]) for method, row in group.rows.items()
            if None not in (row[BASE].mean, row[NEW].mean)}


def draw(axis: Axes, group: Group) -> None:
    found = points(group)
    for method, (base, new) in found.items():
        axis.errorbar(base.value, new.value, xerr=base.deviation, yerr=new.deviation, zorder=3, elinewidth=0.9,
                      **{**look(method), "linestyle": ""})
        without = found.get(backbone(method) or "")
        if without:
            axis.annotate("", (base.value, new.value), (without[0].value, without[1].value), zorder=2, arrowprops={
                "arrowstyle": "->", "color": look(method)["color"], "shrinkA": 5, "shrinkB": 5, "linewidth": 1.2})
    frame(axis)
    iso_curves(axis)
    axis.set(title=group.label + marks_of(notes_of(group.numbers)), xlabel="base accuracy (%)",
             ylabel="new accuracy (%)")


def frame(axis: Axes) -> None:
    """Limits around the points: at least three percentage points wide, within 0 and 100."""
    for limits, set_limits in ((axis.get_xlim(), axis.set_xlim), (axis.get_ylim(), axis.set_ylim)):
        middle, half = sum(limits) / 2, max((limits[1] - limits[0]) * 0.56, 1.5)
        set_limits(max(middle - half, 0), min(middle + half, 100))


def iso_curves(axis: Axes) -> None:
    """Curves of equal H with their values, behind the points."""
    (left, right), (bottom, top) = axis.get_xlim(), axis.get_ylim()
    base, new = np.meshgrid(np.linspace(max(left, 1e-3), right, 80), np.linspace(max(bottom, 1e-3), top, 80))
    curves = axis.contour(base, new, 2 * base * new / (base + new), levels=6, colors=GREY, linewidths=0.8,
                          linestyles="dotted", zorder=1)
    axis.clabel(curves, fontsize=7, fmt=lambda level: f"H {level:g}")
    axis.grid(visible=False)
