"""What tables, figures and the report are asked for: the records, and the methods, data sets and shots to show."""
import argparse
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from compat.errors import UserError, WriteError
from compat.files import write_file
from experiments.catalogue import DATASETS, METHODS, sort_datasets, sort_methods
from runs.records import KINDS, StrPath

from .records import Epoch, Evaluation, Measurement, load_epochs, load_evaluations, load_measurements


@dataclass
class Request:
    """Records, and what to show of them.

    Attributes:
        evaluations, epochs, measurements: records of the methods that are asked for, on any data set.
        methods, datasets: registered names; None: those there are. shots: None: those there are, or the paper's.
        allow_mixed: whether evaluations that do not belong together are marked instead of refused.
    """

    evaluations: list[Evaluation]
    epochs: list[Epoch] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    methods: list[str] | None = None
    datasets: list[str] | None = None
    shots: int | None = None
    allow_mixed: bool = False

    @cached_property
    def runs(self) -> dict[str, Evaluation]:
        """{digest of a run: an evaluation of it}"""
        return {digest: one for one in self.evaluations for digest in (one.config_digest, one.identity) if digest}

    @cached_property
    def trained_alone(self) -> set[str]:
        """Digests of step 2 of runs that were trained without a test, so that no record names their step 1."""
        return {digest for one in self.epochs if one.stage == "new"
                for digest in (one.config_digest, one.identity)} - {*self.runs, ""}

    @property
    def shown(self) -> list[Evaluation]:
        """The evaluations on data sets that are asked for."""
        return [one for one in self.evaluations if one.dataset in (self.datasets or [one.dataset])]

    def methods_of(self, found: Iterable[str]) -> list[str]:
        """The methods to show of those that are found."""
        return self.methods or sort_methods(found)

    def datasets_of(self, found: Iterable[str]) -> list[str]:
        """The data sets to show of those that are found."""
        return self.datasets or sort_datasets(found)


def read_request(paths: Sequence[StrPath], methods: Sequence[str] | None = None, datasets: Sequence[str] | None = None,
                 shots: int | None = None, split: str = "test", skip_bad: bool = False, allow_mixed: bool = False,
                 ) -> Request:
    """A Request of all records below some paths, with the names that a user gave made those of the records.

    Raises:
        UserError: see ``records.load_evaluations``; an unknown name; a number of shots that nothing was trained with.
    """
    evaluations = load_evaluations(paths, split, skip_bad)
    epochs, measurements = load_epochs(paths, skip_bad), load_measurements(paths, skip_bad)
    if shots is not None and not any(one.shots == shots for one in evaluations if one.trained):
        raise UserError(f"--shots {shots}: there are no results of training with that many images per class")
    records: list[Evaluation | Epoch | Measurement] = [*evaluations, *epochs, *measurements]
    request = Request(evaluations, epochs, measurements, shots=shots, allow_mixed=allow_mixed)
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
    names = {alias.lower(): name for name, others in known.items() for alias in (name, *others)}
    names |= {name.lower(): name for name in found}
    unknown = [name for name in asked if name.lower() not in names]
    if unknown:
        choice = ", ".join([*known, *sorted(set(found) - set(known))])
        raise UserError(f"{what} {unknown[0]!r} is unknown and in none of the records: choose from {choice}")
    return list(dict.fromkeys(names[name.lower()] for name in asked))


# What the command lines of tables, figures and report share

class Once(argparse.Action):
    """Keeps the one value of an option that is given once; argparse itself takes the last of several."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: object,
                 option_string: str | None = None) -> None:
        if getattr(namespace, self.dest) is not self.default:
            parser.error(f"{option_string} is there twice, with {getattr(namespace, self.dest)!r} and {values!r}: give "
                         "one")
        setattr(namespace, self.dest, values)


def request_parser(description: str, output: str | None, output_help: str) -> argparse.ArgumentParser:
    """A parser of the shared arguments. ``output``: default of ``--output``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("paths", nargs="+", help="output folders (searched for files of records) or such files")
    parser.add_argument("--methods", nargs="+", help="methods to show (default: all there are)")
    parser.add_argument("--datasets", nargs="+", help="data sets to show (default: all there are)")
    parser.add_argument("--shots", type=int, help="training images per class (default: those there are, or 16)")
    parser.add_argument("--skip-bad", action="store_true", help="leave out lines that cannot be read")
    parser.add_argument("--allow-mixed", action="store_true", help="mark results that do not belong together (†) "
                                                                   "instead of refusing them")
    parser.add_argument("--output", action=Once, default=output, help=output_help)
    return parser


def request_of(args: argparse.Namespace, split: str = "test") -> Request:
    """The request of a parsed command line.

    Raises:
        UserError: see ``read_request``; ``--output`` would replace records.
    """
    output = args.output
    if output is not None and (Path(output).name in KINDS or os.path.isfile(output) and os.path.realpath(output) in map(
            os.path.realpath, args.paths)):
        raise UserError(f"--output {output!r} is the name of records, which it would replace: give another")
    return read_request(args.paths, args.methods, args.datasets, args.shots, split, args.skip_bad, args.allow_mixed)


def write_output(path: StrPath, content: str | bytes) -> None:
    """Write what ``--output`` names.

    Raises:
        UserError: it cannot be written, or is a device or the like, which a file would take the place of.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise UserError(f"--output {str(path)!r} is not a regular file: give another")
    try:
        write_file(path, content)
    except WriteError as error:
        raise UserError(f"--output: {error}") from error
