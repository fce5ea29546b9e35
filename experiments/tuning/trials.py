"""The trials of a search: settings drawn from a grid by a seeded rule, and the jobs that each of them takes.

A backbone and MAO in front of it get the same number of trials. MAO's grid has two axes more, those of step 2. An epoch
of its step 1 shows as many images as eight of the backbone's (B 4, K 8, against B 32), so it gets fewer of them.
"""
import itertools
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from compat.errors import UserError
from experiments.catalogue import has_steps
from experiments.sweep.job import Job
from experiments.sweep.options import Options
from experiments.sweep.protocols import base_to_new_of

Grid = Mapping[str, Sequence[object]]
"""{config key: values to try}."""
Values = dict[str, object]
"""{config key: value}."""

LEARNING_RATES = (0.0009, 0.0018, 0.0035, 0.007, 0.014)  # around the release's 0.0035, each about twice the last
OF_BACKBONES: Grid = {"OPTIM.LR": LEARNING_RATES, "OPTIM.MAX_EPOCH": (5, 10)}
OF_MAO: Grid = {"OPTIM.LR": LEARNING_RATES, "OPTIM.MAX_EPOCH": (2, 4),  # of which the first one is the warm-up
                "MAO.NEW.LR": LEARNING_RATES, "MAO.NEW.MAX_EPOCH": (5, 10)}

# No run of a search looks at a test image, and all of them at all validation images.
VALIDATION: Values = {"TEST.SPLIT": "val", "DATASET.ALL_VAL": True}


@dataclass(frozen=True)
class Trial:
    """Settings of a method, and the runs that show what they are worth.

    Attributes:
        method: registered name. number: from 1, in the order of the draw. values: {config key: value}.
        runs: {(data set's file in ``configs/datasets/``, seed): (job that is scored on base classes, that on new)}.
    """

    method: str
    number: int
    values: Values
    runs: dict[tuple[str, int], tuple[Job, Job]]


def grid(method: str) -> Grid:
    return OF_MAO if has_steps(method) else OF_BACKBONES


def draw(grid: Grid, count: int, seed: int) -> list[Values]:
    """``count`` different points of a grid, which try each of its values, and each two together, about equally often.

    The points are shuffled; then the one whose values and pairs of them were tried least so far comes next. So a larger
    count goes on where a smaller one ends.

    Raises:
        UserError: the grid has fewer points.
    """
    points = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    if count > len(points):
        raise UserError(f"--trials {count}: the grid has {len(points)} points; give at most so many")
    random.Random(seed).shuffle(points)
    tried: Counter[object] = Counter()
    drawn = []
    for _ in range(count):
        point = min(points, key=lambda point: sum(tried[part] for part in singles_and_pairs(point)))
        points.remove(point)
        tried.update(singles_and_pairs(point))
        drawn.append(point)
    return drawn


def singles_and_pairs(point: Mapping[str, object]) -> list[object]:
    return [*point.items(), *itertools.combinations(point.items(), 2)]


def make_trials(options: Options, count: int, seed: int) -> list[Trial]:
    """``count`` trials of each method; the first trial of all methods comes first.

    MAO is scored on the new classes after step 2. That step learns from training images of the new classes without
    their labels; labels of their validation images serve to choose the settings, as those of the base classes do.

    Args:
        options: methods, data sets, seeds. seed: of the draw.

    Raises:
        UserError: a pair would change what the trials differ in, or what they are scored on.
    """
    for key in options.pairs[::2]:
        if key in {*VALIDATION, *OF_MAO}:
            raise UserError(f"{key} is what the search sets in each of its runs: leave it out")
    drawn = {method: draw(grid(method), count, seed) for method in options.methods}
    return [make_trial(options, method, number, drawn[method][number - 1])
            for number in range(1, count + 1) for method in options.methods]


def make_trial(options: Options, method: str, number: int, values: Values) -> Trial:
    """A trial with some values; its runs lie in a folder named after these, in the order of the grid."""
    pairs = itertools.chain(*{**VALIDATION, **values}.items())
    own = replace(options, output=f"{options.output}/trials/{'_'.join(map(str, values.values()))}",
                  pairs=[*map(str, pairs), *options.pairs])
    runs = {}
    for dataset, seed in itertools.product(options.datasets, options.seeds):
        base, *_, new = base_to_new_of(own, method, dataset, seed)  # with MAO, a test after step 1 is in between
        runs[dataset, seed] = base, new
    return Trial(method, number, values, runs)


def jobs_of(trials: Sequence[Trial]) -> list[Job]:
    """The jobs of some trials, each behind those that it needs."""
    return [job for trial in trials for pair in trial.runs.values() for job in pair]
