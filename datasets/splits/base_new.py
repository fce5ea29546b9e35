"""Base and new classes: the first and the second half of a data set's classes, as in CoCoOp."""
import math
from typing import Literal, get_args

from .split_file import Parts

Subsample = Literal["all", "base", "new"]
"""Values of DATASET.SUBSAMPLE_CLASSES."""

SUBSAMPLES: tuple[str, ...] = get_args(Subsample)


def subsample_classes(parts: Parts, subsample: Subsample) -> Parts:
    """Keep the base or the new classes of every part; items stay in their order.

    The labels of the train part are cut in two halves, base = first ceil(n/2), new = the rest, and the half that stays
    is numbered 0, 1, ... in the order of its labels.
    """
    if subsample == "all":
        return parts
    labels = sorted({label for _, label, _ in parts["train"]})
    n_base = math.ceil(len(labels) / 2)
    kept = labels[:n_base] if subsample == "base" else labels[n_base:]
    relabel = {label: new for new, label in enumerate(kept)}
    return {part: [(path, relabel[label], name) for path, label, name in items if label in relabel]
            for part, items in parts.items()}
