"""What the trials of a search came to: their scores from the records of their runs, as a table and as lines of a yaml.

A trial's score is H of its base and new accuracies on all validation images, each the mean over seeds; of several data
sets the mean of their H.
"""
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import yaml

from experiments.catalogue import DATASETS
from experiments.reporting.accuracy import Accuracy, average, footnotes, with_h
from experiments.reporting.records import BASE, NEW, Evaluation, load_evaluations
from experiments.reporting.table import Cell, Table
from experiments.sweep.job import Job
from runs.records import RECORDS_FILE

from .trials import Trial, grid

TITLES = {dataset.config: dataset.title for dataset in DATASETS.values()}


@dataclass(frozen=True)
class Score:
    """A trial that is done. ``numbers``: {data set: {"base", "new", "H": accuracy}}. ``h``: what it is ranked by."""

    trial: Trial
    numbers: dict[str, dict[str, Accuracy]]
    h: Fraction


def evaluation_of(job: Job) -> Evaluation | None:
    """The evaluation of a job's run on validation images; None if there is none."""
    if not (Path(job.folder) / RECORDS_FILE).exists():
        return None
    found = [one for one in load_evaluations([job.folder], "val") if one.identity == job.key]
    return found[-1] if found else None


def score(trial: Trial) -> Score | None:
    """The score of a trial; None unless all of its runs are done."""
    columns: dict[str, dict[str, dict[int, Evaluation]]] = {}
    for (dataset, seed), jobs in trial.runs.items():
        for column, job in zip((BASE, NEW), jobs, strict=True):
            evaluation = evaluation_of(job)
            if evaluation is None:
                return None
            columns.setdefault(dataset, {}).setdefault(column, {})[seed] = evaluation
    numbers = {dataset: with_h(found) for dataset, found in columns.items()}
    h = average(row["H"] for row in numbers.values()).mean
    return None if h is None else Score(trial, numbers, h)


def ranking(trials: Sequence[Trial]) -> dict[str, list[Score]]:
    """{method: scores of its trials that are done, the best first}; equal ones in the order of the draw."""
    scores = [found for trial in trials if (found := score(trial)) is not None]
    methods = dict.fromkeys(trial.method for trial in trials)
    return {method: sorted((one for one in scores if one.trial.method == method), key=lambda one: -one.h)
            for method in methods}


def trials_table(trials: Sequence[Trial], ranked: dict[str, list[Score]]) -> Table:
    """All trials, each with what it is of and what came of it; a method's best one first."""
    keys = list(dict.fromkeys(key for method in ranked for key in grid(method)))
    datasets = list(dict.fromkeys(dataset for trial in trials for dataset, _ in trial.runs))
    seeds = list(dict.fromkeys(seed for trial in trials for _, seed in trial.runs))
    several = len(datasets) > 1
    heads = [f"{TITLES.get(dataset, dataset)}, {what}" if several else what
             for dataset in datasets for what in (BASE, NEW, "H")]
    names = ", ".join(TITLES.get(dataset, dataset) for dataset in datasets)
    table = Table("settings", f"{names}: settings tried, and their accuracy in per cent on all validation images, mean "
                  f"± standard deviation over seeds {' '.join(map(str, seeds))}; the best first",
                  ["method", "trial", *keys, *heads, *["mean H"] * several], labels=2)
    for one in (one for scores in ranked.values() for one in scores):
        numbers = [one.numbers[dataset][what] for dataset in datasets for what in (BASE, NEW, "H")]
        mean_h = [Accuracy(one.h)] * several
        values = [str(one.trial.values.get(key, "")) for key in keys]
        texts = [one.trial.method, str(one.trial.number), *values, *map(str, [*numbers, *mean_h])]
        table.rows.append([Cell(text) for text in texts])
        table.data += [one.numbers[dataset][what].row(
            method=one.trial.method, trial=one.trial.number, **dict(zip(keys, values, strict=True)), dataset=dataset,
            measure=what) for dataset in datasets for what in (BASE, NEW, "H")]
    table.notes = footnotes([number for scores in ranked.values() for one in scores
                             for row in one.numbers.values() for number in row.values()])
    done = {(one.trial.method, one.trial.number) for scores in ranked.values() for one in scores}
    table.missing = [f"{trial.method}, trial {trial.number}" for trial in trials
                     if (trial.method, trial.number) not in done]
    return table


def yaml_lines(values: dict[str, object]) -> str:
    """{config key: value} as the lines of a yaml file."""
    nested: dict = {}
    for key, value in values.items():
        *nodes, name = key.split(".")
        place = nested
        for node in nodes:
            place = place.setdefault(node, {})
        place[name] = value
    return yaml.safe_dump(nested, sort_keys=False)
