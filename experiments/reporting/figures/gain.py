"""Figure: how much MAO gains over its backbone on each data set, in base, new and H."""
import matplotlib
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ..names import backbone
from ..numbers import signed
from ..table1 import MEASURES, base_to_new_groups
from .style import GREY, INK, SETTINGS, Drawing, color

BAR = 0.8  # of the distance between data sets, for all backbones together


def gains(request):
    """[(data set, {method with MAO: {measure: (gain, the paper's gain or None)}})], in percentage points."""
    found = []
    for group in base_to_new_groups(request)[0]:
        rows = {}
        for method, row in group.rows.items():
            without = group.rows.get(backbone(method))
            if without is None:
                continue
            pairs = {measure: (row[measure], without[measure]) for measure in MEASURES}
            rows[method] = {
                measure: (float(mine.mean - other.mean), None if None in (mine.paper, other.paper)
                          else float(mine.paper - other.paper))
                for measure, (mine, other) in pairs.items() if None not in (mine.mean, other.mean)}
        rows = {method: row for method, row in rows.items() if row}
        if rows:
            found.append((group.label, rows))
    return found


def gain(request):
    groups = gains(request)
    if not groups:
        return []
    methods = list(dict.fromkeys(method for _, rows in groups for method in rows))
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(9, 1.5 + len(groups) * max(0.22 * len(methods), 0.35)), layout="constrained")
        axes = figure.subplots(1, len(MEASURES), sharey=True)
        with_paper = [draw(axis, measure, groups, methods) for axis, measure in zip(axes, MEASURES)]
        axes[0].set_yticks(range(len(groups)), [label for label, _ in groups])
        axes[0].set_ylim(len(groups) - 0.4, -0.6)
        handles = [Patch(color=color(method), label=f"{method} over {backbone(method)}") for method in methods]
        if any(with_paper):
            handles.append(matplotlib.lines.Line2D([], [], color=INK, marker="|", linestyle="", markersize=9,
                                                   markeredgewidth=2, label="the paper's gain"))
        figure.legend(handles=handles, loc="outside lower center", ncols=min(4, len(handles)))
    numbers = "; ".join(f"{label}: " + ", ".join(f"{method} {signed(row['H'][0])}" for method, row in rows.items()
                                                 if "H" in row) for label, rows in groups)
    return [Drawing("gain", "Gain of MAO over its backbone, in percentage points; right of the line MAO is better.",
                    f"Bars of the gain of MAO over its backbone. Gain in H: {numbers}.", figure)]


def draw(axis, measure, groups, methods):
    """Bars of one measure; returns whether there are numbers of the paper beside them."""
    height, with_paper = BAR / len(methods), False
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
                with_paper = True
                axis.plot(of_paper, y, marker="|", color=INK, markersize=9, markeredgewidth=2)
    axis.axvline(0, color=GREY, linewidth=1)
    axis.grid(axis="y", visible=False)
    axis.spines["left"].set_visible(False)
    axis.tick_params(axis="y", length=0)
    axis.margins(x=0.22)
    axis.set_title(measure)
    axis.set_xlabel("gain (percentage points)")
    return with_paper
