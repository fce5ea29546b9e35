"""What a table is asked for: the records, and the methods, data sets and shots that the caller chose."""
from dataclasses import dataclass, field

from results import ResultsError, read_efficiency, read_training

from .names import resolve_datasets, resolve_methods, sort_datasets, sort_methods
from .records import is_trained, load


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


def read_request(paths, methods=None, datasets=None, shots=None, split="test", skip_bad=False):
    """A Request of all records below some paths, with the names that a user gave made those of the records.

    Raises:
        ResultsError: see ``records.load``; an unknown name; an impossible number of shots.
    """
    evaluations = load(paths, split, skip_bad)
    epochs, measurements = read_training(paths, skip_bad), read_efficiency(paths, skip_bad)
    if shots is not None and not any(record["shots"] == shots for record in evaluations if is_trained(record)):
        raise ResultsError(f"--shots {shots}: there are no results of training with that many images a class")
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
