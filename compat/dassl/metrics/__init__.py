"""Measures of a model's outputs."""
from .accuracy import compute_accuracy

__all__ = ["compute_accuracy"]
