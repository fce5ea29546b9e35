"""Arithmetic of the tables: exact fractions from integer counts, rounded once, when they are printed."""
import math
import statistics
from collections.abc import Iterable
from fractions import Fraction

Number = int | float | Fraction


def percent(correct: int, total: int) -> Fraction:
    """Accuracy in per cent, exactly."""
    return Fraction(100 * correct, total)


def mean(values: Iterable[Fraction]) -> Fraction | None:
    """Mean of fractions; None of none."""
    values = list(values)
    return sum(values, Fraction(0)) / len(values) if values else None


def deviation(values: Iterable[Fraction]) -> float | None:
    """Sample standard deviation; None for fewer than two values."""
    values = list(values)
    return float(statistics.stdev(values)) if len(values) > 1 else None


def harmonic_mean(base: Fraction | None, new: Fraction | None) -> Fraction | None:
    """H of two accuracies in per cent; None if one is missing, 0 if both are 0."""
    if base is None or new is None:
        return None
    return 2 * base * new / (base + new) if base + new else Fraction(0)


def rounded(value: Number, digits: int = 2) -> Fraction:
    """A number with that many decimals; half-way cases away from zero, as one does by hand."""
    scale = 10 ** digits
    return (-1 if value < 0 else 1) * Fraction(math.floor(abs(Fraction(value)) * scale + Fraction(1, 2)), scale)


def fixed(value: Number, digits: int = 2) -> str:
    """"73.60" of 73.6."""
    return f"{float(rounded(value, digits)):.{digits}f}"


def signed(value: Number, digits: int = 2) -> str:
    """"+0.40", "-0.40", "0.00"."""
    near = rounded(value, digits)
    return f"{float(near):+.{digits}f}" if near else f"{0:.{digits}f}"
