"""The lines of the files of records, with types: evaluations, epochs of training, measurements of cost."""
from collections.abc import Iterable
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar, get_origin

from compat.errors import UserError
from experiments.catalogue import BATCH_SIZE
from experiments.records import EFFICIENCY_FILE, RECORDS_FILE, TRAINING_FILE, Line, StrPath, read_lines

# Columns of base-to-new tables. MAO has two accuracies on new classes: with the prompts of step 1, and after step 2.
BASE, NEW_AFTER_BASE, NEW = "base", "new after step 1", "new"


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A line of results.jsonl: how many images of a split a run's prompts classify correctly.

    Attributes:
        shots: training images per class; below 1, all there are. classes: "all", "base" or "new".
        stage: step of MAO, "base" or "new"; "" without MAO. epoch: epochs of training; 0 where nothing is trained.
        source: data set that the prompts were trained on; "" for none or unknown; None in older records.
        parent: digest of the run that trained them, or of step 1 before step 2. settings: flat config.
    """

    path: Path
    trainer: str
    dataset: str
    seed: int
    shots: int
    classes: str
    stage: str
    split: str
    epoch: int
    config_digest: str
    correct: int
    total: int
    source: str | None = None
    parent: str = ""
    settings: dict[str, object] = field(default_factory=dict)
    device: str = ""
    engine: str = ""
    date: str = ""
    versions: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (0 <= self.correct <= self.total and self.total > 0):
            raise ValueError(f"correct {self.correct} of total {self.total}")

    @property
    def trained(self) -> bool:
        return self.epoch != 0

    @property
    def shown_shots(self) -> int:
        """Training images per class: 0 where nothing is trained, -1 for all there are."""
        return (self.shots if self.shots > 0 else -1) if self.trained else 0

    @property
    def trained_on(self) -> str:
        """Data set that the prompts were trained on, in older records their own one; "" if nothing was trained."""
        return (self.dataset if self.source is None else self.source) if self.trained else ""

    @property
    def at_home(self) -> bool:
        """Whether the prompts were trained on the data set that they are tested on, or not at all."""
        return self.trained_on in ("", self.dataset)

    @property
    def column(self) -> str | None:
        """Column of base-to-new tables; None for evaluations on all classes."""
        if self.classes == "new" and self.stage == "base":
            return NEW_AFTER_BASE
        return self.classes if self.classes in (BASE, NEW) else None

    def __str__(self) -> str:
        step = {"base": ", step 1", "new": ", step 2"}.get(self.stage, "")
        shots = f", {self.shots} shots" if self.shown_shots > 0 else ""
        return f"{self.trainer} on {self.dataset}, {self.classes} classes{step}{shots}, seed {self.seed}"


@dataclass(frozen=True, eq=False)
class Epoch:
    """A line of training.jsonl: means over the batches of an epoch; None where they were not finite."""

    path: Path
    trainer: str
    dataset: str
    seed: int
    shots: int
    classes: str
    config_digest: str
    epoch: int
    loss: float | int | None = None
    acc: float | int | None = None


@dataclass(frozen=True, eq=False)
class Measurement:
    """A line of efficiency.jsonl: what a training costs in time (s), memory (MB of 10**6 bytes) and parameters.

    Older records lack some of these numbers.
    """

    path: Path
    trainer: str
    dataset: str
    num_classes: int
    batch_size: int
    device: str
    date: str
    learnable_parameters: int | None = None
    step_seconds: float | int | None = None
    epoch_seconds: float | int | None = None
    images_per_second: float | int | None = None
    peak_memory_mb: float | int | None = None
    engine: str = ""
    versions: dict[str, str] = field(default_factory=dict)


AnyRecord = TypeVar("AnyRecord", Evaluation, Epoch, Measurement)


def parse(kind: type[AnyRecord], line: Line) -> AnyRecord:
    """A line as a typed record; keys that the type has no field for are left out.

    Raises:
        ValueError: a value is missing, of another type than its field, or impossible.
    """
    values: dict[str, Any] = {"path": line.path}  # Any: what JSON holds, until it is checked below
    for one in fields(kind)[1:]:
        value = line.record.get(one.name, MISSING)
        if value is MISSING and not (one.default is MISSING and one.default_factory is MISSING):
            continue
        wanted: Any = dict if get_origin(one.type) is dict else one.type  # a class, or a union of some
        if isinstance(value, bool) or not isinstance(value, wanted):
            raise ValueError(f"no {one.name}" if value is MISSING else f"{one.name} {value!r}")
        values[one.name] = value
    return kind(**values)


def load(kind: type[AnyRecord], name: str, paths: Iterable[StrPath], skip_bad: bool) -> list[AnyRecord]:
    """Typed records of all files called ``name``; arguments and errors as in ``experiments.records.read_lines``."""
    found = []
    for line in read_lines(paths, name, skip_bad):
        try:
            found.append(parse(kind, line))
        except ValueError as error:
            if not skip_bad:
                raise UserError(f"{line} has {error}: remove it, or skip such lines with --skip-bad") from error
    return found


def load_evaluations(paths: Iterable[StrPath], split: str = "test", skip_bad: bool = False) -> list[Evaluation]:
    """Evaluations on the images of a split.

    Raises:
        UserError: a path does not exist; a line is not a record; its counts make no accuracy.
    """
    found = with_batch_size_of_step_1(load(Evaluation, RECORDS_FILE, paths, skip_bad))
    return [evaluation for evaluation in found if evaluation.split == split]


def load_epochs(paths: Iterable[StrPath], skip_bad: bool = False) -> list[Epoch]:
    return load(Epoch, TRAINING_FILE, paths, skip_bad)


def load_measurements(paths: Iterable[StrPath], skip_bad: bool = False) -> list[Measurement]:
    return load(Measurement, EFFICIENCY_FILE, paths, skip_bad)


def with_batch_size_of_step_1(evaluations: list[Evaluation]) -> list[Evaluation]:
    """Let each evaluation of step 2 say the batch size of its step 1, as the records of today do.

    In older ones, which lack MAO.NEW.BATCH_SIZE, step 2 has its own batch size under the key of step 1's.
    """
    of_run = {evaluation.config_digest: evaluation.settings.get(BATCH_SIZE)
              for evaluation in evaluations if evaluation.stage == "base"}

    def today(evaluation: Evaluation) -> Evaluation:
        if evaluation.stage != "new" or "MAO.NEW.BATCH_SIZE" in evaluation.settings:
            return evaluation
        others = {key: value for key, value in evaluation.settings.items() if key != BATCH_SIZE}
        batch_size = of_run.get(evaluation.parent)
        return replace(evaluation, settings=others if batch_size is None else {**others, BATCH_SIZE: batch_size})

    return [today(evaluation) for evaluation in evaluations]
