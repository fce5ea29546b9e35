"""The number of a cell: mean and standard deviation over seeds, beside the paper's; H and averages of such numbers."""
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from .cells import BySeed
from .numbers import deviation, fixed, harmonic_mean, mean, percent
from .records import BASE, NEW

MISSING = "-"


@dataclass
class Accuracy:
    """Accuracy of a method, in per cent.

    Attributes:
        mean: over seeds, exact; None if missing. deviation: sample standard deviation over seeds; None for one seed, or
            where nothing is trained. paper: the paper's number, None if it has none. counts: {seed: (correct, total)}.
    """

    mean: Fraction | None = None
    deviation: float | None = None
    paper: Fraction | None = None
    counts: dict[int, tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, by_seed: BySeed) -> "Accuracy":
        """Of the evaluations of a cell; without any, a missing number."""
        counts = {seed: (by_seed[seed].correct, by_seed[seed].total) for seed in sorted(by_seed)}
        values = [percent(*pair) for pair in counts.values()]
        trained = any(evaluation.trained for evaluation in by_seed.values())  # else all seeds are the same run
        return cls(mean(values), deviation(values) if trained else None, counts=counts)

    @property
    def value(self) -> float:
        """The mean for a figure: NaN, which is not drawn, if it is missing."""
        return math.nan if self.mean is None else float(self.mean)

    @property
    def difference(self) -> Fraction | None:
        """How much better it is than the paper's number."""
        return None if self.mean is None or self.paper is None else self.mean - self.paper

    def short(self) -> str:
        """The mean alone."""
        return MISSING if self.mean is None else fixed(self.mean)

    def __str__(self) -> str:
        return self.short() + (f" ± {fixed(self.deviation)}" if self.deviation is not None else "")

    def row(self, **identity: object) -> dict[str, object]:
        """A row of the CSV: the unrounded numbers, empty where there are none. ``identity``: its first columns."""
        numbers = {"mean": self.mean, "deviation": self.deviation, "paper": self.paper, "difference": self.difference}
        return {
            **identity,
            **{name: "" if value is None else float(value) for name, value in numbers.items()},
            "seeds": " ".join(map(str, self.counts)),
            "counts": " ".join(f"{correct}/{total}" for correct, total in self.counts.values()),
        }


def h_of(numbers: Mapping[str, Accuracy]) -> Accuracy:
    """H, the harmonic mean of the averaged base and new accuracies, as in the paper."""
    return Accuracy(harmonic_mean(numbers[BASE].mean, numbers[NEW].mean))


def with_h(columns: Mapping[str, BySeed]) -> dict[str, Accuracy]:
    """The accuracy of each column of a base-to-new table, base and new among them, and last H."""
    numbers = {column: Accuracy.of(by_seed) for column, by_seed in columns.items()}
    return {**numbers, "H": h_of(numbers)}


def average(accuracies: Iterable[Accuracy]) -> Accuracy:
    """Mean of the means; missing if one of them is."""
    means = [accuracy.mean for accuracy in accuracies]
    there = [value for value in means if value is not None]
    return Accuracy(mean(there)) if len(there) == len(means) else Accuracy()
