"""How figures look, and how they become files that are the same bytes each time they are drawn.

A backbone has a colour of the Okabe-Ito palette, which colour-blind people tell apart, and a marker (see the
catalogue); with MAO the marker is filled and the line solid, without it the marker is open and the line dashed. The
control of MAO has a half-filled marker.
"""
import io
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from experiments.catalogue import METHODS, ZERO_SHOT, backbone, is_control

from ..records import BASE, NEW, NEW_AFTER_BASE

Look = dict[str, Any]
"""Keywords of ``Line2D``, ``plot`` and ``errorbar``, which are of many types."""

GREY, INK = "#6b6b6b", "#222222"
OTHERS = ("#CC79A7", "#E69F00", "#56B4E9")  # for methods of one's own, and for lines that are no methods
MEASURES = {BASE: "#0072B2", NEW_AFTER_BASE: "#E69F00", NEW: "#D55E00", "H": INK}

SETTINGS = matplotlib.RcParams({
    "svg.hashsalt": "mao", "svg.fonttype": "path", "text.parse_math": False, "font.family": "DejaVu Sans",
    "font.size": 9, "axes.titlesize": 10,
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": GREY, "axes.labelcolor": INK,
    "xtick.color": INK, "ytick.color": INK, "axes.grid": True, "grid.color": "#e4e4e4", "grid.linewidth": 0.7,
    "axes.axisbelow": True, "legend.frameon": False, "figure.facecolor": "white", "errorbar.capsize": 2.5,
})


@dataclass
class Drawing:
    """A figure with its name (for files), a caption, and what a reader who cannot see it is told.

    Attributes:
        notes: why some of its numbers are to be doubted (see ``Accuracy.notes``); they stand above its legend.
    """

    name: str
    caption: str
    description: str
    figure: Figure
    notes: Iterable[str] = ()

    def __post_init__(self) -> None:
        notes = list(self.notes)
        if notes:
            width = int(self.figure.get_figwidth() * 18)  # characters of this size
            lines = [line for note in notes for line in textwrap.wrap(note, width)]
            self.figure.set_figheight(self.figure.get_figheight() + 0.11 * len(lines))
            # the legend has a place in the layout, free text would lie across it
            self.figure.legends[0].set_title("\n".join(lines), FontProperties(size=6))
            self.caption = " ".join([self.caption, *notes])

    def png(self) -> bytes:
        return self.render("png", {"Software": None})

    def svg(self) -> bytes:
        return self.render("svg", {"Date": None, "Creator": None})

    def render(self, form: str, without: dict[str, None]) -> bytes:
        """Contents of a file. ``without``: the metadata that would differ from one drawing to the next."""
        file = io.BytesIO()
        with matplotlib.rc_context(SETTINGS):
            self.figure.savefig(file, format=form, dpi=150 if form == "png" else "figure", metadata=without)
        return file.getvalue()


def grid(count: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """A Figure with ``count`` axes in so many columns, each of a size in inches."""
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for axis in axes[count:]:
        axis.remove()
    return figure, axes[:count]


def color(method: str) -> str:
    name = backbone(method) or method
    return METHODS[name].color if name in METHODS else OTHERS[sum(map(ord, name)) % len(OTHERS)]


def look(method: str) -> Look:
    name, filled = backbone(method) or method, backbone(method) is not None or method == ZERO_SHOT
    return {"color": color(method), "marker": METHODS[name].marker if name in METHODS else "^",
            "linestyle": "-" if filled else "--", "markerfacecolor": color(method) if filled else "white",
            "markersize": 6, "linewidth": 1.6, **({"fillstyle": "left"} if is_control(method) else {})}


def log_axis(axis: Axes, ticks: Iterable[float], base: int) -> None:
    """A logarithmic x-axis that is marked at the given values alone."""
    axis.set_xscale("log", base=base)
    axis.xaxis.set(major_locator=FixedLocator(list(ticks)), minor_locator=NullLocator(),
                   major_formatter=ScalarFormatter())


def legend(figure: Figure, looks: Mapping[str, Look]) -> None:
    """A legend below all axes. ``looks``: {label: look of its line}."""
    handles = [Line2D([], [], label=label, **keywords) for label, keywords in looks.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 4))
