"""Do evaluations belong together? What must agree in a cell, a row and a table, and what is said if it does not.

    cell:   its seeds agree in everything but the seed, and so do the runs that they stand on
    row:    base and new, or source and targets, agree in what was trained, and stand on the same training
    table:  methods on the same classes of a data set were tested on the same images, with the same CLIP

What one of two records does not say, as older ones do not say all, is not compared. Versions and devices do not count.
"""
import reprlib
from collections.abc import Hashable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import replace
from typing import Any

from compat.errors import UserError
from compat.settings import WITHOUT_INFLUENCE
from runs.records import FOLDERS_OF_RUNS

from .records import BASE_RUN, Evaluation
from .request import Request
from .settings import OF_STEP_2, of_step_1, varied

# Keys of a config without a say in the numbers of a cell; stage, control and label tell cells apart.
LEFT_OUT = WITHOUT_INFLUENCE | {
    *FOLDERS_OF_RUNS, "SEED", "MAO.STAGE", BASE_RUN, "DATASET.LABEL", "TRAIN.CHECKPOINT_FREQ", "TRAIN.SAVE_STATE",
    "TRAIN.TEXT_MEMORY_MB", "TEST.NO_TEST", "TEST.COMPUTE_CMAT", "TEST.PER_CLASS_RESULT"}
BACKBONE = "MODEL.BACKBONE.NAME"  # a path may be another one on another machine: CLIP's digest goes before it
IMAGES = ("total", "num_classes")
OF_DATA = (*IMAGES, "data.split", "split_digest", "data.classes")
OF_TABLE = {*OF_DATA, "clip", BACKBONE}
OF_HALF = {*IMAGES, "DATASET.SUBSAMPLE_CLASSES"}  # what base and new differ in
OF_TARGET = {*OF_DATA, "DATASET.NAME"}  # what source and targets differ in
UNKNOWN = ("", "unverified")  # as parent

SHORT = reprlib.Repr()
SHORT.maxstring, SHORT.maxlist = 80, 20

Cell = tuple[str, str, Any]  # as in cells.Cells
Facts = dict[str, object]
Difference = tuple[str, object, object]  # a key, and both values


def settle(found: MutableMapping[Any, dict[int, Evaluation]], request: Request) -> None:
    """Refuse evaluations that do not belong together or, where the request allows it, mark those of their cells.

    Raises:
        UserError: it names both files, the key and both values.
    """
    for cells, sentence in list(disagreements(found, request)):
        if not request.allow_mixed:
            raise UserError(f"{sentence}: run one of them again, give only folders that belong together, or see both, "
                            "marked, with --allow-mixed")
        for cell in cells:
            found[cell] = {seed: replace(one, mixed=(*one.mixed, f"† {sentence}")) for seed, one in found[cell].items()}


def disagreements(found: Mapping[Cell, dict[int, Evaluation]], request: Request) -> Iterator[tuple[list[Cell], str]]:
    """(cells, sentence) wherever evaluations do not belong together; at most one per cell, row and table."""
    rows: dict[Hashable, list[Cell]] = {}
    tables: dict[Hashable, list[Cell]] = {}
    for cell in sorted(found, key=str):
        first, *others = (found[cell][seed] for seed in sorted(found[cell]))
        yield from report([cell], ((first, other, difference(facts(first, request.runs), facts(other, request.runs)))
                                   for other in others))
        rows.setdefault(row_of(first), []).append(cell)
        tables.setdefault((first.dataset, first.classes), []).append(cell)
    for cells in rows.values():
        for other in cells[1:]:
            pairs = [(found[cells[0]][seed], found[other][seed]) for seed in found[cells[0]] if seed in found[other]]
            pairs = pairs or [(next(iter(found[cells[0]].values())), next(iter(found[other].values())))]
            yield from report([cells[0], other], ((*pair, other_training(*pair, request)) for pair in pairs))
    for cells in tables.values():
        for other in cells[1:]:
            one, two = (next(iter(found[cell].values())) for cell in (cells[0], other))
            yield from report([cells[0], other], [(one, two, difference(facts(one), facts(two), only=OF_TABLE))])


def report(cells: list[Cell], compared: Iterable[tuple[Evaluation, Evaluation, Difference | None]],
           ) -> Iterator[tuple[list[Cell], str]]:
    """The first difference of some pairs, with its sentence."""
    for one, other, differs in compared:
        if differs is not None:
            key, value, of_other = differs
            yield cells, (f"{one} and {other} do not belong together: {key} is {SHORT.repr(value)} in "
                          f"{str(one.path)!r}, but {SHORT.repr(of_other)} in {str(other.path)!r}")
            return


def facts(one: Evaluation, runs: Mapping[str, Evaluation] | None = None) -> Facts:
    """{key: value} of what makes a result, but for the seed; with ``runs``, also of the run that it stands on."""
    found: Facts = {key: value for key, value in one.settings.items() if key not in LEFT_OUT and (
        one.stage == "new" or not (key in OF_STEP_2 or key.startswith("MAO.NEW.")))}
    best = one.settings.get("TEST.FINAL_MODEL") == "best_val"  # whose epoch each seed has for itself
    own = {**{f"data.{key}": one.data.get(key) for key in ("split", "classes")}, "split_digest": one.split_digest,
           "clip": one.clip, "arithmetic": one.arithmetic, "total": one.total, "num_classes": one.num_classes,
           "epoch": None if best else one.epoch}
    found.update({key: value for key, value in own.items() if value not in (None, "")})
    parent = (runs or {}).get(one.parent)
    if parent is not None:
        found.update({f"{key} of the run it stands on": value for key, value in facts(parent).items()
                      if key not in (*OF_HALF, "epoch")})
    return found


def difference(one: Facts, other: Facts, leave_out: Iterable[str] = (), only: Iterable[str] | None = None,
               ) -> Difference | None:
    """The first key that both have with different values."""
    skipped = {*leave_out, *([BACKBONE] if one.get("clip", 0) == other.get("clip", 1) else [])}
    for key in one:
        if key in other and one[key] != other[key] and key not in skipped and (only is None or key in only):
            return key, one[key], other[key]
    return None


def row_of(one: Evaluation) -> Hashable:
    """What the cells of a row share: the halves of a data set, or a source and its targets."""
    home = one.dataset if one.classes != "all" else one.trained_on or one.dataset
    return one.classes == "all", home, one.trainer, one.shown_shots, tuple(of_step_1(varied(one)).items())


def other_training(one: Evaluation, other: Evaluation, request: Request) -> Difference | None:
    """How two cells of a row differ in what was trained."""
    leave_out = OF_TARGET if one.classes == "all" else OF_HALF
    differs = difference(facts(one), facts(other), leave_out | ({"epoch"} if one.stage != other.stage else set()))
    if differs is not None and not (one.of_control and one.stage != other.stage):  # whose steps are of two
        return differs  # trainers; what has to agree in them, step 2 itself has checked
    known = one.seed == other.seed and (one.parent or other.parent) and all(
        half.parent not in ("unverified", *request.trained_alone) for half in (one, other))
    if not known or line_of(one, request.runs) & line_of(other, request.runs):
        return None
    trained, of_other = (half.parent or half.identity or half.config_digest for half in (one, other))
    return "the run that was trained", trained, of_other


def line_of(one: Evaluation | None, runs: Mapping[str, Evaluation]) -> set[str]:
    """Digests of a run and of those that it stands on, as far as the records show."""
    digests: set[str] = set()
    while one is not None and not {one.identity, one.config_digest} <= digests:
        digests |= {one.identity, one.config_digest, one.parent}
        one = runs.get(one.parent)
    return digests - {*UNKNOWN}
