"""Draw a bar chart of base, new and H from the records of evaluations, one panel a data set.

    python scripts/chart.py output/quickstart --output output/quickstart/chart.png
"""
import argparse
import io
import sys

import matplotlib
import matplotlib.pyplot as plt

from compat.errors import UserError
from compat.files import write_file

from .base_to_new import BASE, NEW, NEW_AFTER_BASE, methods_by_dataset
from .records import load

matplotlib.use("Agg")


COLORS = {BASE: "#4c72b0", NEW_AFTER_BASE: "#f0c08a", NEW: "#dd8452", "H": "#8c8c8c"}
BAR_WIDTH = 0.2


def bars(method):
    """[(column, height in per cent, standard deviation or 0)] of the accuracies that a method has."""
    found = [(column, method.mean(column), method.deviation(column) or 0.0) for column in (BASE, NEW_AFTER_BASE, NEW)]
    return [(column, float(height), deviation) for column, height, deviation
            in [*found, ("H", method.harmonic_mean(), 0.0)] if height is not None]


def draw(by_dataset, path):
    """Write the chart of {data set: list of Method} as a PNG."""
    width = max(4.0, 2.2 * max(map(len, by_dataset.values())))
    figure, axes = plt.subplots(1, len(by_dataset), figsize=(width * len(by_dataset), 4.2), squeeze=False)
    drawn = {}
    for axis, (dataset, methods) in zip(axes[0], by_dataset.items()):
        for position, method in enumerate(methods):
            values = bars(method)
            for k, (column, height, deviation) in enumerate(values):
                x = position + (k - (len(values) - 1) / 2) * BAR_WIDTH
                drawn[column] = axis.bar(x, height, BAR_WIDTH * 0.92, yerr=deviation or None, capsize=2,
                                         color=COLORS[column])
                axis.text(x, height + deviation + 0.5, f"{height:.1f}", ha="center", va="bottom", fontsize=7)
        axis.set_xticks(range(len(methods)), [method.trainer for method in methods])
        axis.set_title(dataset)
        axis.set_ylabel("accuracy on test images (%)")
        axis.spines[["top", "right"]].set_visible(False)
        axis.margins(y=0.1)
    figure.legend([drawn[column] for column in COLORS if column in drawn], [c for c in COLORS if c in drawn],
                  loc="lower center", ncols=4, frameon=False)
    figure.tight_layout(rect=(0, 0.07, 1, 1))
    image = io.BytesIO()
    figure.savefig(image, dpi=150, format="png")
    plt.close(figure)
    write_file(path, image.getvalue())


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("paths", nargs="+", help="output folders (searched for results.jsonl) or files of records")
    parser.add_argument("--output", default="chart.png", help="PNG to write")
    args = parser.parse_args(argv)
    try:
        by_dataset, _ = methods_by_dataset(load(args.paths))
        if not by_dataset:
            raise UserError(f"no base-to-new evaluations in {', '.join(args.paths)}: there is nothing to draw")
        draw(by_dataset, args.output)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
