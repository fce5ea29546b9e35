"""What tables, figures and the report are asked for: the records, and the methods, data sets and shots to show."""
import argparse
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from compat.errors import UserError, WriteError
from compat.files import write_file
from experiments.catalogue import DATASETS, METHODS, sort_datasets, sort_methods
from experiments.records import StrPath

from .records import Epoch, Evaluation, Measurement, load_epochs, load_evaluations, load_measurements


@dataclass
class Request:
    """Records, and what to show of them.

    Attributes:
        evaluations, epochs, measurements: records of the methods that are asked for, on any data set.
        methods, datasets: registered names; None: those there are. shots: None: those there are, or the paper's.
    """

    evaluations: list[Evaluation]
    epochs: list[Epoch] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    methods: list[str] | None = None
    datasets: list[str] | None = None
    shots: int | None = None

    def methods_of(self, found: Iterable[str]) -> list[str]:
        """The methods to show of those that are found."""
        return self.methods or sort_methods(found)

    def datasets_of(self, found: Iterable[str]) -> list[str]:
        """The data sets to show of those that are found."""
        return self.datasets or sort_datasets(found)


def read_request(paths: Sequence[StrPath], methods: Sequence[str] | None = None, datasets: Sequence[str] | None = None,
                 shots: int | None = None, split: str = "test", skip_bad: bool = False) -> Request:
    """A Request of all records below some paths, with the names that a user gave made those of the records.

    Raises:
        UserError: see ``records.load_evaluations``; an unknown name; a number of shots that nothing was trained with.
    """
    evaluations = load_evaluations(paths, split, skip_bad)
    epochs, measurements = load_epochs(paths, skip_bad), load_measurements(paths, skip_bad)
    if shots is not None and not any(one.shots == shots for one in evaluations if one.trained):
        raise UserError(f"--shots {shots}: there are no results of training with that many images per class")
    records: list[Evaluation | Epoch | Measurement] = [*evaluations, *epochs, *measurements]
    request = Request(evaluations, epochs, measurements, shots=shots)
    if methods:
        request.methods = resolve("method", methods, {one.trainer for one in records}, dict.fromkeys(METHODS, ()))
        wanted = set(request.methods)
        request.evaluations = [one for one in evaluations if one.trainer in wanted]
        request.epochs = [one for one in epochs if one.trainer in wanted]
        request.measurements = [one for one in measurements if one.trainer in wanted]
    if datasets:
        request.datasets = resolve("data set", datasets, {one.dataset for one in records},
                                   {name: (one.config, one.title) for name, one in DATASETS.items()})
    return request


def resolve(what: str, asked: Iterable[str], found: Collection[str], known: Mapping[str, Iterable[str]]) -> list[str]:
    """Names as in records for those that a user typed: in any letter case, as in configs/datasets, or as in print.

    Args:
        what: "method" or "data set". found: names in the records. known: {name: other names for it}.

    Raises:
        UserError: a name is neither known nor in the records.
    """
    names = {name.lower(): name for name in found}
    names |= {alias.lower(): name for name, others in known.items() for alias in (name, *others)}
    unknown = [name for name in asked if name.lower() not in names]
    if unknown:
        choice = ", ".join([*known, *sorted(set(found) - set(known))])
        raise UserError(f"{what} {unknown[0]!r} is unknown and in none of the records: choose from {choice}")
    return list(dict.fromkeys(names[name.lower()] for name in asked))


# What the command lines of tables, figures and report share

def request_parser(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("paths", nargs="+", help="output folders (searched for files of records) or such files")
    parser.add_argument("--methods", nargs="+", help="methods to show (default: all there are)")
    parser.add_argument("--datasets", nargs="+", help="data sets to show (default: all there are)")
    parser.add_argument("--shots", type=int, help="training images per class (default: those there are, or 16)")
    parser.add_argument("--skip-bad", action="store_true", help="leave out lines that cannot be read")
    return parser


def request_of(args: argparse.Namespace, split: str = "test") -> Request:
    return read_request(args.paths, args.methods, args.datasets, args.shots, split, args.skip_bad)


def write_output(path: StrPath, content: str | bytes) -> None:
    """Write what ``--output`` names.

    Raises:
        UserError: it cannot be written.
    """
    try:
        write_file(path, content)
    except WriteError as error:
        raise UserError(f"--output: {error}") from error
