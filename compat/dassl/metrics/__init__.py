"""Measures of a model's outputs."""
from .accuracy import compute_accuracy
from .averages import macro_precision_recall

__all__ = ["compute_accuracy", "macro_precision_recall"]
