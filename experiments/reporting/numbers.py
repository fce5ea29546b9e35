"""Arithmetic of the tables: exact fractions from integer counts, rounded once, when they are printed."""
import math
import statistics
from fractions import Fraction


def percent(correct, total):
    """Accuracy in per cent, exactly."""
    return Fraction(100 * correct, total)


def mean(values):
    """Mean of fractions; None of none."""
    values = list(values)
    return sum(values, Fraction(0)) / len(values) if values else None


def deviation(values):
    """Sample standard deviation as a float; None for fewer than two values."""
    values = list(values)
    return statistics.stdev(values) if len(values) > 1 else None


def harmonic_mean(base, new):
    """H of two accuracies in per cent; None if one is missing, 0 if both are."""
    if base is None or new is None:
        return None
    return 2 * base * new / (base + new) if base + new else Fraction(0)


def rounded(value, digits=2):
    """A number with that many decimals as a Fraction; half-way cases away from zero, as one does by hand."""
    scale = 10 ** digits
    scaled = abs(Fraction(value)) * scale
    return (-1 if value < 0 else 1) * Fraction(math.floor(scaled + Fraction(1, 2)), scale)


def fixed(value, digits=2):
    """"73.60" of an int, float or Fraction."""
    return f"{float(rounded(value, digits)):.{digits}f}"


def signed(value, digits=2):
    """"+0.40", "-0.40", "0.00"."""
    near = rounded(value, digits)
    return f"{float(near):+.{digits}f}" if near else f"{0:.{digits}f}"
