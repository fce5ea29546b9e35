"""How much better MAO, or its control, is than the backbone: differences that are paired by seed."""
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from experiments.catalogue import backbone, display_name

from .accuracy import Accuracy
from .numbers import deviation, fixed, mean, signed
from .records import NEW
from .table import Cell, Table


@dataclass(frozen=True)
class Difference:
    """Percentage points. ``by_seed``: {seed: difference} of the seeds that both methods have."""

    by_seed: dict[int, Fraction]

    @property
    def mean(self) -> Fraction | None:
        return mean(self.by_seed.values())

    @property
    def error(self) -> float | None:
        """Standard error of the mean; None of one seed."""
        spread = deviation(self.by_seed.values())
        return None if spread is None else spread / math.sqrt(len(self.by_seed))

    def __str__(self) -> str:
        if self.mean is None:
            return ""
        return signed(self.mean) + ("" if self.error is None else f" ± {fixed(self.error)}")


def difference(mine: Accuracy, other: Accuracy) -> Difference:
    return Difference({seed: value - other.by_seed[seed] for seed, value in mine.by_seed.items()
                       if seed in other.by_seed})


def difference_table(layout: str, rows: Iterable[tuple[str, Mapping[str, Mapping[str, Accuracy]]]],
                     measures: Sequence[str]) -> list[Table]:
    """The table of all methods whose backbone stands beside them with two seeds or more, if there are any.

    Args:
        rows: (data set or another label, {method: {measure: its number}}). The new accuracy after step 1 is compared
            with the backbone's on new classes.
    """
    table = Table(f"{layout}-differences", "Difference to the backbone in percentage points: mean ± standard error "
                  "over the seeds of both, paired; H of each seed", ["data set", "method", *measures], labels=2)
    for dataset, methods in rows:
        for method, numbers in methods.items():
            other = methods.get(str(backbone(method)), {})
            found = {measure: difference(numbers[measure], other.get(measure, other[NEW]))
                     for measure in measures if other and measure in numbers}
            if any(one.error is not None for one in found.values()):
                name = f"{method} - {backbone(method)}"
                table.rows.append([Cell(display_name(dataset)), Cell(name),
                                   *(Cell(str(found.get(measure, ""))) for measure in measures)])
                table.data += [{"layout": layout, "dataset": dataset, "method": name, "measure": measure,
                                "mean": float(one.mean), "standard error": "" if one.error is None else one.error,
                                "seeds": " ".join(map(str, one.by_seed))}
                               for measure, one in found.items() if one.mean is not None]
    return [table] if table.rows else []
