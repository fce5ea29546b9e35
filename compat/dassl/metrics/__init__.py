"""Measures of a model's outputs."""
from .accuracy import compute_accuracy
from .averages import macro_precision_recall
from .distance import compute_distance_matrix

__all__ = ["compute_accuracy", "compute_distance_matrix", "macro_precision_recall"]
