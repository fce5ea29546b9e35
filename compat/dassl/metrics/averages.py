"""Precision and recall, averaged over classes."""
from collections.abc import Sequence

import numpy as np


def macro_precision_recall(y_true: Sequence[int], y_pred: Sequence[int]) -> tuple[float, float]:
    """(precision, recall) in per cent, each the mean over the classes that occur among the true labels.

    A class that is never predicted has a precision of 0, as in scikit-learn's ``zero_division=0``.

    Args:
        y_true, y_pred: labels from 0, of the same images; at least one.
    """
    true, predicted = np.asarray(y_true), np.asarray(y_pred)
    size = int(max(true.max(), predicted.max())) + 1
    occur, said, hits = (np.bincount(labels, minlength=size) for labels in (true, predicted, true[true == predicted]))
    there = occur > 0
    precision, recall = hits[there] / np.maximum(said[there], 1), hits[there] / occur[there]
    return 100.0 * float(precision.mean()), 100.0 * float(recall.mean())
