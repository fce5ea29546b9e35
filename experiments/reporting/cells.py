"""Which evaluation counts for a cell of a table: the one place that decides.

Two runs that claim the same cell are an error that names both.
"""
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from compat.errors import UserError
from experiments.catalogue import METHODS, ZERO_SHOT

from .agreement import settle
from .records import Evaluation
from .request import Request
from .settings import varied

PAPER_SHOTS = 16  # training images per class in the paper's tables

BySeed = dict[int, Evaluation]
What = TypeVar("What", bound=Hashable)
"""What tells the cells of a method on a data set apart: each layout has its own."""


@dataclass
class Cells(Generic[What]):
    """The evaluations that count.

    Attributes:
        found: {(data set, method, what): {seed: evaluation}}. notes: sentences on what was left out.
    """

    found: dict[tuple[str, str, What], BySeed] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def __getitem__(self, cell: tuple[str, str, What]) -> BySeed:
        """{seed: evaluation} of a cell; empty if it is missing."""
        return self.found.get(cell, {})

    @property
    def evaluations(self) -> list[Evaluation]:
        return [evaluation for by_seed in self.found.values() for evaluation in by_seed.values()]

    @property
    def datasets(self) -> set[str]:
        return {dataset for dataset, _, _ in self.found}

    @property
    def methods(self) -> set[str]:
        return {method for _, method, _ in self.found}

    @property
    def seeds(self) -> list[int]:
        """Seeds that something was trained with."""
        return sorted({evaluation.seed for evaluation in self.evaluations if evaluation.trained})

    def untrained(self, methods: Iterable[str]) -> set[str]:
        """Those of the methods that train nothing, so that seeds change nothing: zero-shot CLIP and the like."""
        trained = {evaluation.trainer for evaluation in self.evaluations if evaluation.trained}
        return {method for method in methods if method in self.methods - trained or trains_nothing(method)}


def trains_nothing(method: str) -> bool:
    return not METHODS[method].trains if method in METHODS else method.startswith(ZERO_SHOT)


def choose(request: Request, evaluations: Iterable[Evaluation], what: Callable[[Evaluation], What], *,
           ablations: bool = False, one_shots: bool = True, prefer: Callable[[Evaluation], bool] | None = None,
           ) -> Cells[What]:
    """One evaluation per cell and seed; of a run's evaluations after several epochs, that of the last epoch.

    Args:
        what: tells the cells of a method on a data set apart. ablations: whether runs with other settings of MAO count.
        one_shots: whether all cells are of one number of training images per class, the request's or the paper's.
        prefer: where several runs claim a cell, those that it is true of go before the others.

    Raises:
        UserError: two runs are left for a cell and seed; several numbers of shots, none of them the paper's; runs that
            do not belong together.
    """
    cells: Cells[What] = Cells()
    chosen = list(evaluations)
    if not ablations:
        chosen, cells.notes = without_ablations(chosen)
    if one_shots:
        chosen, notes = of_one_shots(chosen, request.shots)
        cells.notes += notes
    claims: dict[tuple[tuple[str, str, What], int], dict[tuple[str, str], list[Evaluation]]] = {}
    for evaluation in chosen:
        cell = (evaluation.dataset, evaluation.trainer, what(evaluation))
        run = (evaluation.config_digest, str(evaluation.path))
        claims.setdefault((cell, evaluation.seed), {}).setdefault(run, []).append(evaluation)
    for (cell, seed), runs in claims.items():
        last = []
        for of_run in runs.values():
            epoch = max(evaluation.epoch for evaluation in of_run)
            last += [evaluation for evaluation in of_run if evaluation.epoch == epoch]
            if any(evaluation.epoch < epoch for evaluation in of_run):
                cells.notes.append(f"{last[-1]} has results of several epochs; epoch {last[-1].epoch} counts")
        last = list(filter(prefer, last)) or last if prefer else last
        if len(last) > 1:
            raise UserError(conflict(*last[:2]))
        cells.found.setdefault(cell, {})[seed] = last[0]
    settle(cells.found, request)
    return cells


def without_ablations(evaluations: list[Evaluation]) -> tuple[list[Evaluation], list[str]]:
    """Leave out runs of MAO with more settings that are not their method's than others have; and notes."""
    def kind(evaluation: Evaluation) -> tuple[str, str, bool, str]:
        return evaluation.trainer, evaluation.dataset, evaluation.classes == "all", evaluation.stage

    fewest: dict[tuple[str, str, bool, str], int] = {}
    for evaluation in evaluations:
        count = len(varied(evaluation))
        fewest[kind(evaluation)] = min(count, fewest.get(kind(evaluation), count))
    kept = [evaluation for evaluation in evaluations if len(varied(evaluation)) == fewest[kind(evaluation)]]
    left_out = len(evaluations) - len(kept)
    return kept, [f"{left_out} evaluations of runs with other settings of MAO than the default ones are left out"] * (
        left_out > 0)


def of_one_shots(evaluations: list[Evaluation], asked: int | None) -> tuple[list[Evaluation], list[str]]:
    """Keep trained evaluations of one number of shots, all others as they are; and notes."""
    found = sorted({evaluation.shots for evaluation in evaluations if evaluation.trained})
    notes = []
    if asked is None and len(found) > 1:
        if PAPER_SHOTS not in found:
            raise UserError(f"the records are of {', '.join(map(str, found))} shots: choose with --shots")
        asked = PAPER_SHOTS
        others = ", ".join(str(count) for count in found if count != asked)
        notes = [f"shown are results with {asked} shots; there are others with {others}"]
    return [evaluation for evaluation in evaluations
            if asked is None or not evaluation.trained or evaluation.shots == asked], notes


def conflict(one: Evaluation, other: Evaluation) -> str:
    """The sentence on two runs that claim the same cell."""
    files = sorted({repr(str(one.path)), repr(str(other.path))})
    if len(files) == 1:
        return (f"{files[0]} has results of two configurations for {one}: remove the lines of the one that is not "
                "wanted, or the folder, and run it again")
    return (f"{files[0]} and {files[1]} both have a result for {one}: give only the folder that is wanted, or move the "
            "other one away")


def parents(evaluations: Iterable[Evaluation]) -> set[str]:
    """Digests of the runs whose prompts were tested on another data set."""
    return {evaluation.parent for evaluation in evaluations if not evaluation.at_home and evaluation.parent}
