"""How figures look, and how they become files that are the same bytes each time they are drawn.

A backbone has a colour of the Okabe-Ito palette, which colour-blind people tell apart, and a marker; with MAO the
marker is filled and the line solid, without it the marker is open and the line dashed.
"""
import io
from dataclasses import dataclass

import matplotlib
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..names import METHODS, backbone

GREY, INK = "#6b6b6b", "#222222"
COLORS = {"ZeroshotCLIP": GREY, "CoOp": "#0072B2", "MaPLe": "#D55E00", "PromptSRC": "#009E73"}
MARKERS = {"ZeroshotCLIP": "X", "CoOp": "o", "MaPLe": "s", "PromptSRC": "D"}
OTHERS = ("#CC79A7", "#E69F00", "#56B4E9")  # for methods of one's own, and for lines that are no methods
MEASURES = {"base": "#0072B2", "new after step 1": "#E69F00", "new": "#D55E00", "H": INK}

SETTINGS = {
    "svg.hashsalt": "mao", "svg.fonttype": "path", "font.family": "DejaVu Sans", "font.size": 9, "axes.titlesize": 10,
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": GREY, "axes.labelcolor": INK,
    "xtick.color": INK, "ytick.color": INK, "axes.grid": True, "grid.color": "#e4e4e4", "grid.linewidth": 0.7,
    "axes.axisbelow": True, "legend.frameon": False, "figure.facecolor": "white", "errorbar.capsize": 2.5,
}


@dataclass
class Drawing:
    """A figure with its name (for files), a caption, and what a reader who cannot see it is told."""

    name: str
    caption: str
    description: str
    figure: Figure

    def png(self):
        return self.render("png", dpi=150, metadata={"Software": None})

    def svg(self):
        return self.render("svg", metadata={"Date": None, "Creator": None})

    def render(self, form, **options):
        file = io.BytesIO()
        with matplotlib.rc_context(SETTINGS):
            self.figure.savefig(file, format=form, **options)
        return file.getvalue()


def grid(count, columns, width, height, **options):
    """A Figure with ``count`` axes in so many columns, each of a size in inches; the axes as a flat list."""
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **options).ravel().tolist()
    for axis in axes[count:]:
        axis.remove()
    return figure, axes[:count]


def color(method):
    name = backbone(method) or method
    return COLORS.get(name) or OTHERS[sum(map(ord, name)) % len(OTHERS)]


def look(method):
    """Keywords of ``plot`` and ``errorbar`` for a method."""
    name, with_mao = backbone(method) or method, backbone(method) is not None or method == METHODS[0]
    return {"color": color(method), "marker": MARKERS.get(name, "^"), "linestyle": "-" if with_mao else "--",
            "markerfacecolor": color(method) if with_mao else "white", "markersize": 6, "linewidth": 1.6}


def legend(figure, looks):
    """A legend below all axes. ``looks``: {label: keywords of Line2D}."""
    handles = [Line2D([], [], label=label, **keywords) for label, keywords in looks.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 4))
