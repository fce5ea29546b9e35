"""Figure: a confusion matrix, each row the share of a true class's images by predicted class."""
import matplotlib
import numpy as np

from runs.confusion import Confusion

from .style import SETTINGS, Drawing, grid

MOST_NAMES, MOST_NUMBERS = 60, 12  # classes up to which they fit


def draw_confusion(name: str, title: str, confusion: Confusion) -> Drawing:
    counts, size = confusion.counts, len(confusion.names)
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0)
    side = min(max(4.0, 0.16 * size + 2), 12.0)
    with matplotlib.rc_context(SETTINGS):
        figure, (axis,) = grid(1, 1, side + 0.8, side)
        image = axis.imshow(100 * shares, cmap="Blues", vmin=0, vmax=100)
        figure.colorbar(image, ax=axis, shrink=0.7, label="% of the true class's images")
        axis.set(xlabel="predicted class", ylabel="true class")
        axis.grid(visible=False)
        if size <= MOST_NAMES:
            axis.set_xticks(range(size), confusion.names, rotation=90, fontsize=6)
            axis.set_yticks(range(size), confusion.names, fontsize=6)
        if size <= MOST_NUMBERS:
            for (row, column), count in np.ndenumerate(counts):
                axis.text(column, row, str(count), ha="center", va="center", fontsize=7,
                          color="white" if shares[row, column] > 0.6 else "black")
    accuracy = 100 * counts.trace() / counts.sum()
    return Drawing(f"confusion-{name}", f"Confusion matrix: {title}.",
                   f"Confusion matrix of {size} classes; {accuracy:.2f} % of the images lie on its diagonal.", figure)
