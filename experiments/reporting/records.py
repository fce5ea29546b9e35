"""The lines of the files of records, with types: evaluations, epochs of training, measurements of cost."""
import reprlib
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar, get_origin

from compat.errors import UserError
from experiments.catalogue import BATCH_SIZE, DATASETS, backbone, control, mao_defaults
from runs.records import EFFICIENCY_FILE, RECORDS_FILE, TRAINING_FILE, Line, Record, StrPath, read_lines

# Columns of base-to-new tables. MAO has two accuracies on new classes: with the prompts of step 1, and after step 2.
BASE, NEW_AFTER_BASE, NEW = "base", "new after step 1", "new"

BASE_RUN = "MAO.BASE_RUN"
UNVERIFIED = "‡ unverified: from a record of an older version, or of a checkpoint that does not name its run"
KNOWN_NAMES = {name.lower() for dataset in DATASETS.values() for name in (dataset.name, dataset.title)}
LONGEST_TEXT = 300  # characters
NUMBERS_END = 2**63  # beyond it, and at infinity, arithmetic fails in ways that name nothing


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A line of results.jsonl: how many images of a split a run's prompts classify correctly.

    Attributes:
        shots: training images per class; below 1, all there are. classes: "all", "base", "new" or
            "listed" (DATASET.CLASSES), which no table shows.
        stage: step of MAO, "base" or "new"; "" without MAO. epoch: epochs of training; 0 where nothing is trained.
        source: data set that the prompts were trained on; "" for none or unknown; None in older records.
        parent: digest of the run that trained them, or of step 1 before step 2. settings: flat config.
        identity: digest of the run; "" in older records. origin: "verified", or "unverified" where the run that is
            tested does not say which one it is. data: digests of the "split" and of the names of all "classes".
            clip: digest of CLIP's weights. arithmetic: number of the code's arithmetic.
        mixed: sentences on evaluations that do not belong together with it (see agreement.py); not in any file.
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
    identity: str = ""
    origin: str = ""
    data: dict[str, str] = field(default_factory=dict)
    clip: str = ""
    arithmetic: int | None = None
    num_classes: int | None = None
    split_digest: str = ""
    mixed: tuple = ()  # JSON has no tuples

    def __post_init__(self) -> None:
        if not (0 <= self.correct <= self.total and self.total > 0):
            raise ValueError(f"correct {self.correct} of total {self.total}")
        for name, choices in (("classes", ("all", "base", "new", "listed")), ("stage", ("", "base", "new"))):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} {getattr(self, name)!r}")
        if self.epoch < 0:
            raise ValueError(f"epoch {self.epoch}")
        for key, default in mao_defaults().items():
            if type(self.settings.get(key, default)) is not type(default):
                raise ValueError(f"{key} {reprlib.repr(self.settings[key])}")

    @property
    def notes(self) -> tuple[str, ...]:
        """Why its number is to be doubted, each sentence with its mark first."""
        return (*self.mixed, *([] if self.identity and self.origin == "verified" else [UNVERIFIED]))

    def is_of(self, digests: Collection[str]) -> bool:
        """Whether it is of one of the runs with some digests."""
        return self.config_digest in digests or self.identity in digests

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
    def of_control(self) -> bool:
        """Whether it is of the control "backbone + step 2"."""
        return bool(self.stage) and self.settings.get(BASE_RUN) == "backbone"

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
    stage: str = ""
    identity: str = ""


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

    def __post_init__(self) -> None:
        if self.num_classes < 1 or self.batch_size < 1:
            raise ValueError(f"num_classes {self.num_classes}, batch_size {self.batch_size}")


AnyRecord = TypeVar("AnyRecord", Evaluation, Epoch, Measurement)


def parse(kind: type[AnyRecord], line: Line) -> AnyRecord:
    """A line as a typed record; keys that the type has no field for are left out.

    Raises:
        ValueError: a value is missing, of another type than its field, or impossible.
    """
    record = with_own_name(line.record)
    values: dict[str, Any] = {"path": line.path}  # Any: what JSON holds, until it is checked below
    for one in fields(kind)[1:]:
        value = record.get(one.name, MISSING)
        if value is MISSING and not (one.default is MISSING and one.default_factory is MISSING):
            continue
        wanted: Any = dict if get_origin(one.type) is dict else one.type  # a class, or a union of some
        if value is MISSING or isinstance(value, bool) or not isinstance(value, wanted):
            raise ValueError(f"no {one.name}" if value is MISSING else f"{one.name} {reprlib.repr(value)}")
        check_value(one.name, value)
        values[one.name] = value
    return kind(**values)


def check_value(name: str, value: object, depth: int = 0) -> None:
    """Check a value of a record, those in dicts and lists among them.

    Raises:
        ValueError: text that a terminal does not show as it is, or a number, length or nesting beyond all bounds.
    """
    if isinstance(value, (dict, list)):
        if depth > 1:
            raise ValueError(f"nested {name} {reprlib.repr(value)}")
        for inner in [*value, *value.values()] if isinstance(value, dict) else value:
            check_value(name, inner, depth + 1)
    elif isinstance(value, str) and not (len(value) <= LONGEST_TEXT and is_text(value)):
        raise ValueError(f"{name} {reprlib.repr(value)}, no plain text of at most {LONGEST_TEXT} characters")
    elif isinstance(value, (int, float)) and not abs(value) < NUMBERS_END:
        raise ValueError(f"{name} {reprlib.repr(value)}, no number below {NUMBERS_END}")


def is_text(value: str) -> bool:
    """Whether it has no control characters, which could steer a terminal, and no halves of characters."""
    return value.isprintable() or all(one.isprintable() or unicodedata.category(one) == "Zs" for one in value)


def with_own_name(record: Record) -> Record:
    """A record in which a data set of one's own, and the source that it is, has its label as name."""
    dataset, label = record.get("dataset"), record.get("label")
    if not isinstance(label, str) or label in ("", dataset):
        return record
    name = f"{label} ({dataset})" if label.lower() in KNOWN_NAMES else label  # or the paper's numbers stand beside it
    return {**record, "dataset": name, **({"source": name} if record.get("source") in (dataset, label) else {})}


def load(kind: type[AnyRecord], name: str, paths: Iterable[StrPath], skip_bad: bool) -> list[AnyRecord]:
    """Typed records of all files called ``name``; arguments and errors as in ``runs.records.read_lines``."""
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
    found = with_controls(with_batch_size_of_step_1(load(Evaluation, RECORDS_FILE, paths, skip_bad)))
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


def with_controls(evaluations: list[Evaluation]) -> list[Evaluation]:
    """Make a method of the control "backbone + step 2", which has the accuracies of the backbone's run as its step 1.

    In the files it is a run of the trainer with MAO, with MAO.BASE_RUN backbone.
    """
    own = {id(one): replace(one, trainer=control(one.trainer)) for one in evaluations
           if one.stage == "new" and one.of_control and backbone(one.trainer)}
    started_from = {(one.parent, backbone(one.trainer)): one.trainer for one in own.values()}
    of_step_1 = [replace(one, trainer=started_from[run, one.trainer], stage="base",
                         settings={**one.settings, BASE_RUN: "backbone"})
                 for one in evaluations for run in dict.fromkeys((one.identity or one.config_digest, one.parent))
                 if (run, one.trainer) in started_from and one.column]
    return [*of_step_1, *(own.get(id(one), one) for one in evaluations)]
