"""The number of a cell: mean and standard deviation over seeds, beside the paper's; H and averages of such numbers."""
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from .cells import BySeed
from .numbers import deviation, fixed, harmonic_mean, mean, percent
from .records import BASE, NEW, Evaluation

MISSING = "-"


@dataclass
class Accuracy:
    """Accuracy of a method, in per cent.

    Attributes:
        mean: over seeds, exact; None if missing. deviation: sample standard deviation over seeds; None for one seed, or
            where nothing is trained. paper: the paper's number, None if it has none. counts: {seed: (correct, total)}.
        by_seed: {seed: accuracy} where something is trained; of an average or H, that of each seed.
        notes: why it is to be doubted, each sentence with its mark first. seeds: how many it is of, or the fewest that
        a part of it is of; 0 where nothing is trained. few: whether other numbers of its table are of more.
    """

    mean: Fraction | None = None
    deviation: float | None = None
    paper: Fraction | None = None
    counts: dict[int, tuple[int, int]] = field(default_factory=dict)
    by_seed: dict[int, Fraction] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seeds: int = 0
    few: bool = False

    @classmethod
    def of(cls, by_seed: BySeed) -> "Accuracy":
        """Of the evaluations of a cell; without any, a missing number."""
        counts = {seed: (by_seed[seed].correct, by_seed[seed].total) for seed in sorted(by_seed)}
        values = {seed: percent(*pair) for seed, pair in counts.items()}
        trained = any(evaluation.trained for evaluation in by_seed.values())  # else all seeds are the same run
        notes = dict.fromkeys(note for evaluation in by_seed.values() for note in evaluation.notes)
        return cls(mean(values.values()), deviation(values.values()) if trained else None, None, counts,
                   values if trained else {}, tuple(notes), len(by_seed) if trained else 0)

    @classmethod
    def made_of(cls, formula: Callable[[Sequence[Fraction]], Fraction | None], parts: Sequence["Accuracy"],
                ) -> "Accuracy":
        """A number that was computed from others, which are marked as they are; missing if one of them is."""
        means = [part.mean for part in parts if part.mean is not None]
        if len(means) < len(parts):
            return cls()
        seeds = set.intersection(*(set(part.by_seed) for part in parts))
        of_seeds = {seed: formula([part.by_seed[seed] for part in parts]) for seed in sorted(seeds)}
        return cls(formula(means), by_seed={seed: value for seed, value in of_seeds.items() if value is not None},
                   notes=notes_of(parts), seeds=min((part.seeds for part in parts if part.seeds), default=0))

    @property
    def marks(self) -> str:
        """The marks of its notes, as "†‡"."""
        return marks_of(self.notes)

    @property
    def few_seeds(self) -> str:
        """How many seeds it is of, as "2 seeds"; empty unless others are of more."""
        return f"{self.seeds} seed{'s' * (self.seeds > 1)}" if self.few else ""

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
        deviation = f" ± {fixed(self.deviation)}" if self.deviation is not None else ""
        return self.short() + deviation + self.marks + (f" ({self.few_seeds})" if self.few else "")

    def row(self, **identity: object) -> dict[str, object]:
        """A row of the CSV: the unrounded numbers, empty where there are none. ``identity``: its first columns.

        The column "marks" is there only where a number is marked.
        """
        marks = [text for text in (self.few_seeds, *self.notes) if text]
        numbers = {"mean": self.mean, "deviation": self.deviation, "paper": self.paper, "difference": self.difference}
        return {
            **identity,
            **{name: "" if value is None else float(value) for name, value in numbers.items()},
            "seeds": " ".join(map(str, self.counts)),
            "counts": " ".join(f"{correct}/{total}" for correct, total in self.counts.values()),
            **({"marks": "; ".join(marks)} if marks else {}),
        }


def h_of(numbers: Mapping[str, Accuracy]) -> Accuracy:
    """H, the harmonic mean of the averaged base and new accuracies, as in the paper."""
    return Accuracy.made_of(lambda values: harmonic_mean(*values), (numbers[BASE], numbers[NEW]))


def with_h(columns: Mapping[str, BySeed]) -> dict[str, Accuracy]:
    """The accuracy of each column of a base-to-new table, base and new among them, and last H."""
    numbers = {column: Accuracy.of(by_seed) for column, by_seed in columns.items()}
    return {**numbers, "H": h_of(numbers)}


def average(accuracies: Iterable[Accuracy]) -> Accuracy:
    """Mean of the means; missing if one of them is."""
    return Accuracy.made_of(mean, list(accuracies))


def notes_of(numbers: Iterable[Accuracy | Evaluation]) -> tuple[str, ...]:
    """The different notes of some numbers."""
    return tuple(dict.fromkeys(note for number in numbers for note in number.notes))


def marks_of(notes: Iterable[str]) -> str:
    return "".join(sorted({note[0] for note in notes}))


def footnotes(numbers: Collection[Accuracy]) -> list[str]:
    """Let each number of a table know whether it is of fewer seeds than others; the notes below the table."""
    most = max((number.seeds for number in numbers), default=0)
    for number in numbers:
        number.few = 0 < number.seeds < most
    few = any(number.few for number in numbers)
    return [*notes_of(numbers), *["(n seeds): from fewer seeds than other numbers of the table"] * few]
