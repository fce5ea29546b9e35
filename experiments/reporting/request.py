"""What a table is asked for: the records, and the methods, data sets and shots that the caller chose."""
from dataclasses import dataclass, field

from compat.errors import UserError
from experiments.records import EFFICIENCY_FILE, TRAINING_FILE, read_efficiency, read_training

from .efficiency import COLUMNS
from .names import resolve_datasets, resolve_methods, sort_datasets, sort_methods
from .records import is_trained, load, wrong_kind


@dataclass
class Request:
    """Records, and what to show of them.

    Attributes:
        evaluations, epochs, measurements: records of results.jsonl, training.jsonl, efficiency.jsonl. methods,
            datasets: registered names; None: those there are. shots: None: those there are, or 16.
    """

    evaluations: list
    epochs: list = field(default_factory=list)
    measurements: list = field(default_factory=list)
    methods: list = None
    datasets: list = None
    shots: int = None

    def methods_of(self, found):
        return self.methods or sort_methods(found)

    def datasets_of(self, found):
        return self.datasets or sort_datasets(found)


MEASURED = {"dataset": str, "trainer": str, "versions": dict, **dict.fromkeys(COLUMNS, (int, float))}


def good(records, name, kinds, skip_bad):
    """Records whose values are of the given kinds.

    Raises:
        UserError: a value is not, unless ``skip_bad``.
    """
    for record in records:
        trouble = wrong_kind(record, kinds)
        if trouble and not skip_bad:
            raise UserError(f"{record['folder']}/{name} has a record with {trouble}: remove that line, or skip such "
                            "lines with --skip-bad")
    return [record for record in records if not wrong_kind(record, kinds)]


def read_request(paths, methods=None, datasets=None, shots=None, split="test", skip_bad=False):
    """A Request of all records below some paths, with the names that a user gave made those of the records.

    Raises:
        UserError: see ``records.load``; an unknown name; an impossible number of shots.
    """
    evaluations = load(paths, split, skip_bad)
    epochs = good(read_training(paths, skip_bad), TRAINING_FILE, {"epoch": int, "seed": int, "dataset": str}, skip_bad)
    measurements = good(read_efficiency(paths, skip_bad), EFFICIENCY_FILE, MEASURED, skip_bad)
    if shots is not None and not any(record["shots"] == shots for record in evaluations if is_trained(record)):
        raise UserError(f"--shots {shots}: there are no results of training with that many images a class")
    records = evaluations + epochs + measurements
    request = Request(evaluations, epochs, measurements, shots=shots)
    if methods:
        request.methods = resolve_methods(methods, {record["trainer"] for record in records})
    if datasets:
        request.datasets = resolve_datasets(datasets, {record["dataset"] for record in records})

    def wanted(record):
        return record["trainer"] in (request.methods or [record["trainer"]])

    request.evaluations = [record for record in evaluations if wanted(record)]
    request.epochs = [record for record in epochs if wanted(record)]
    request.measurements = [record for record in measurements if wanted(record)]
    return request
