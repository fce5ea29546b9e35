"""From records of evaluations to the numbers of the base-to-new tables: accuracy per method, class half and seed."""
from dataclasses import dataclass, field

from .names import METHODS, sort_datasets
from .numbers import deviation, harmonic_mean, mean, percent
from .records import by_cell, is_at_home, is_trained, without_ablations

# Columns. A method with two steps has two accuracies on new classes: with the prompts of step 1, and after step 2.
BASE, NEW_AFTER_BASE, NEW = "base", "new after step 1", "new"


@dataclass
class Method:
    """Records of one row. ``records[column][seed]`` is the record of an evaluation; accuracies are in per cent."""

    trainer: str
    shots: str  # images a class; "0" where nothing is trained, "all" for the whole train split
    records: dict = field(default_factory=dict)

    @property
    def has_steps(self):
        """Whether it is tested on new classes after each of two steps (MAO)."""
        return any(record["stage"] for by_seed in self.records.values() for record in by_seed.values())

    @property
    def seeds(self):
        return {seed for by_seed in self.records.values() for seed in by_seed}

    @property
    def columns(self):
        return [BASE, NEW_AFTER_BASE, NEW] if self.has_steps else [BASE, NEW]

    def accuracies(self, column):
        """{seed: Fraction}"""
        return {seed: percent(record["correct"], record["total"])
                for seed, record in self.records.get(column, {}).items()}

    def mean(self, column):
        """Mean over seeds as a Fraction; None if there is no record."""
        return mean(self.accuracies(column).values())

    def deviation(self, column):
        """Sample standard deviation over seeds; None for fewer than two, or where nothing is trained."""
        return deviation(self.accuracies(column).values()) if self.shots != "0" else None

    def harmonic_mean(self):
        """H of the two averaged accuracies, as in the papers; None if one is missing."""
        return harmonic_mean(self.mean(BASE), self.mean(NEW))


def methods_by_dataset(records):
    """{data set: rows} of all base-to-new evaluations, and notes on records that were left out.

    Args:
        records: of evaluations, as from ``experiments.reporting.records.load``.

    Returns:
        ({data set: list of Method, zero-shot first}, list of sentences)

    Raises:
        UserError: two runs claim the same cell.
    """
    records, notes = without_ablations([record for record in records if column_of(record) and is_at_home(record)])
    cells, more = by_cell(records, lambda record: (record["dataset"], record["trainer"], shots_of(record),
                                                   column_of(record)))
    rows = {}
    for (dataset, trainer, shots, column), by_seed in cells.items():
        row = rows.setdefault(dataset, {}).setdefault((trainer, shots), Method(trainer, shots))
        row.records[column] = by_seed
    return {dataset: sorted(rows[dataset].values(), key=row_order) for dataset in sort_datasets(rows)}, notes + more


def row_order(row):
    known = METHODS.index(row.trainer) if row.trainer in METHODS else len(METHODS)
    return row.shots != "0", known, row.trainer, int(row.shots) if row.shots.isdigit() else 10 ** 9


def column_of(record):
    """Column that a record belongs to; None for evaluations on all classes."""
    if record["classes"] == "new" and record["stage"] == "base":
        return NEW_AFTER_BASE
    return record["classes"] if record["classes"] in (BASE, NEW) else None


def shots_of(record):
    """Training images a class, as text."""
    if not is_trained(record):
        return "0"
    return "all" if record["shots"] < 1 else str(record["shots"])


def expected_seeds(row, rows):
    """Seeds that a row should have: those of any row; its own where nothing is trained and seeds change nothing."""
    return row.seeds if row.shots == "0" else {seed for other in rows for seed in other.seeds}


def missing_cells(dataset, rows):
    """Sentences that name the evaluations without which the rows of a data set are not complete."""
    missing = []
    for row in rows:
        for column in row.columns:
            lacking = sorted(expected_seeds(row, rows) - set(row.records.get(column, {})))
            if lacking:
                missing.append(f"{dataset}: {row.trainer}, {column}, seed {', '.join(map(str, lacking))}")
    return missing
