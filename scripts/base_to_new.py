"""From records of evaluations to the numbers of the base-to-new tables: accuracy per method, class half and seed."""
import statistics
from dataclasses import dataclass, field

# Columns. A method with two steps has two accuracies on new classes: with the prompts of step 1, and after step 2.
BASE, NEW_AFTER_BASE, NEW = "base", "new after step 1", "new"


@dataclass
class Method:
    """Accuracies of one row. ``accuracy[column][seed]`` is in per cent."""

    trainer: str
    shots: str  # images a class; "0" where nothing is trained, "all" for the whole train split
    has_steps: bool = False  # whether it is tested on new classes after each of two steps (MAO)
    accuracy: dict = field(default_factory=dict)

    def mean(self, column):
        """Mean over seeds; None if there is no record."""
        values = self.accuracy.get(column, {}).values()
        return statistics.fmean(values) if values else None

    def deviation(self, column):
        """Sample standard deviation over seeds; None for fewer than two."""
        values = self.accuracy.get(column, {}).values()
        return statistics.stdev(values) if len(values) > 1 else None

    def harmonic_mean(self):
        """H of the two averaged accuracies, as in the papers; None if one is missing."""
        base, new = self.mean(BASE), self.mean(NEW)
        if base is None or new is None:
            return None
        return 2 * base * new / (base + new) if base + new else 0.0


def methods_by_dataset(records, split="test"):
    """{data set: rows} of all base-to-new evaluations, and notes on records that were left out.

    Accuracies come from the integer counts. Where a cell has records of several epochs or configurations, the last
    one read stands, and a note says so.

    Args:
        records: as from ``results.read_records``. split: split whose evaluations count.

    Returns:
        ({data set: list of Method, zero-shot first}, list of sentences)
    """
    rows, chosen, notes = {}, {}, []
    for record in records:
        column = column_of(record)
        if record["split"] != split or column is None:
            continue
        trainer, shots = record["trainer"], shots_of(record)
        cell = (record["dataset"], trainer, shots, column, record["seed"])
        before = chosen.get(cell)
        if before is not None and before["config_digest"] != record["config_digest"]:
            notes.append(f"{cell[0]}: {trainer}, {column}, seed {record['seed']} has results of several "
                         f"configurations; shown is that of {record['folder']}")
        chosen[cell] = record
        row = rows.setdefault(record["dataset"], {}).setdefault((trainer, shots), Method(trainer, shots))
        row.has_steps = row.has_steps or bool(record["stage"])
        row.accuracy.setdefault(column, {})[record["seed"]] = 100.0 * record["correct"] / record["total"]
    ordered = {
        dataset: sorted(by_key.values(), key=lambda row: (row.shots != "0", row.trainer, row.shots == "all",
                                                          int(row.shots) if row.shots.isdigit() else 0))
        for dataset, by_key in sorted(rows.items())
    }
    return ordered, notes


def column_of(record):
    """Column that a record belongs to; None for evaluations on all classes."""
    if record["classes"] == "new" and record["stage"] == "base":
        return NEW_AFTER_BASE
    return record["classes"] if record["classes"] in (BASE, NEW) else None


def shots_of(record):
    """Training images a class, as text."""
    if record["epoch"] == 0:
        return "0"
    return "all" if record["shots"] < 1 else str(record["shots"])


def missing_cells(dataset, rows):
    """Sentences that name the evaluations without which the rows of a data set are not complete."""
    missing = []
    for row in rows:
        columns = [BASE, NEW_AFTER_BASE, NEW] if row.has_steps else [BASE, NEW]
        seeds = {seed for other in rows for per_seed in other.accuracy.values() for seed in per_seed}
        if row.shots == "0":  # the same for each seed
            seeds = {seed for per_seed in row.accuracy.values() for seed in per_seed}
        for column in columns:
            lacking = sorted(seeds - set(row.accuracy.get(column, {})))
            if lacking:
                missing.append(f"{dataset}: {row.trainer}, {column}, seed {', '.join(map(str, lacking))}")
    return missing
