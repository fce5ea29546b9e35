"""Which record counts for a cell of a table. Two runs that claim the same cell are an error that names both."""
import json
from pathlib import Path

from compat.errors import UserError
from experiments.records import RECORDS_FILE, read_records

from .names import METHODS
from .settings import varied


def load(paths, split="test", skip_bad=False):
    """Evaluations on the images of a split.

    Raises:
        UserError: a path does not exist; a line is not a record; its counts make no accuracy.
    """
    records = []
    for record in read_records(paths, skip_bad):
        trouble = trouble_with(record)
        if trouble and not skip_bad:
            raise UserError(f"{place_of(record)} has {trouble}: remove it, or skip such lines with --skip-bad")
        if not trouble and record["split"] == split:
            records.append(record)
    return records


def trouble_with(record):
    """What is wrong with a record whose keys are all there; "" if nothing is."""
    correct, total = record.get("correct"), record.get("total")
    if not (type(correct) is int and type(total) is int and 0 <= correct <= total and total > 0):
        return f"correct {correct!r} of total {total!r}"
    return wrong_kind(record, {"seed": int, "shots": int, "epoch": int, "dataset": str, "trainer": str, "classes": str,
                               "stage": str, "settings": dict, "versions": dict})


def wrong_kind(record, kinds):
    """The first value that is not of its kind, with its key; "" if all are. ``kinds``: {key: type}."""
    for key, kind in kinds.items():
        if key in record and (not isinstance(record[key], kind) or isinstance(record[key], bool)):
            return f"{key} {record[key]!r}"
    return ""


def place_of(record):
    """File and, where it can be found again, line of a record."""
    path = Path(file_of(record))
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n") if path.is_file() else []
    for number, line in enumerate(lines, start=1):
        try:
            if {**json.loads(line), "folder": record["folder"]} == record:
                return f"{str(path)!r}, line {number}"
        except (ValueError, TypeError):
            continue
    return f"the record of {describe(record)} in {record['folder']!r}"


def file_of(record):
    return str(Path(record["folder"]) / RECORDS_FILE)


def describe(record):
    """"CoOp_MAO on Pictograms, new classes, step 2, 16 shots, seed 1"."""
    step = {"base": ", step 1", "new": ", step 2"}.get(record["stage"], "")
    shots = f", {record['shots']} shots" if is_trained(record) and record["shots"] > 0 else ""
    return (f"{record['trainer']} on {record['dataset']}, {record['classes']} classes{step}{shots}, "
            f"seed {record['seed']}")


def is_trained(record):
    return record["epoch"] != 0


def untrained(records, methods):
    """Those of the methods that train nothing: zero-shot CLIP, and all whose records say so."""
    trained = {record["trainer"] for record in records if is_trained(record)}
    found = {record["trainer"] for record in records} - trained
    return found | {method for method in methods if method.startswith(METHODS[0])}


def source_of(record):
    """Data set that the prompts were trained on; "" if nothing was trained. Old records lack it: their own one."""
    return record.get("source", record["dataset"]) if is_trained(record) else ""


def is_at_home(record):
    """Whether the prompts were trained on the data set that they are tested on, or not at all."""
    return source_of(record) in ("", record["dataset"])


def parents(records):
    """Digests of the runs whose prompts were tested on another data set."""
    return {record["parent"] for record in records if not is_at_home(record) and record.get("parent")}


def without_ablations(records):
    """Leave out runs of a step of MAO with other settings than the default ones, where there are default ones, too.

    Returns:
        records, and notes.
    """
    steps = first_steps(records)
    usual = [not varied(record, steps.get(record.get("parent"))) for record in records]

    def kind(record):
        return record["trainer"], record["dataset"], record["classes"] == "all", record["stage"]

    with_usual = {kind(record) for record, is_usual in zip(records, usual) if is_usual}
    kept = [record for record, is_usual in zip(records, usual) if is_usual or kind(record) not in with_usual]
    left_out = len(records) - len(kept)
    return kept, [f"{left_out} evaluations of runs with other settings of MAO than the default ones are left out"] * (
        left_out > 0)


def by_cell(records, key, prefer=None):
    """Group records by cell and seed, one record each; of a run's evaluations after several epochs, the last epoch's.

    Args:
        key: function of a record to the cell it belongs to. prefer: function of a record to a truth value; where
            several runs claim a cell, those that it is true of go before the others.

    Returns:
        {cell: {seed: record}}, and notes (sentences) on what was left out.

    Raises:
        UserError: two runs are left for a cell and seed.
    """
    claims, cells, notes = {}, {}, []
    for record in records:
        runs = claims.setdefault((key(record), record["seed"]), {})
        runs.setdefault((record["config_digest"], record["folder"]), []).append(record)
    for (cell, seed), runs in claims.items():
        last = [max(of_run, key=lambda record: record["epoch"]) for of_run in runs.values()]
        notes += [f"{describe(record)} has results of several epochs; epoch {record['epoch']} counts"
                  for record, of_run in zip(last, runs.values()) if len(of_run) > 1]
        last = list(filter(prefer, last)) or last if prefer else last
        if len(last) > 1:
            raise UserError(conflict(*last[:2]))
        cells.setdefault(cell, {})[seed] = last[0]
    return cells, notes


def first_steps(records):
    """{config_digest: a record} of the runs of step 1, which runs of step 2 name as their parent."""
    return {record["config_digest"]: record for record in records if record["stage"] == "base"}


def conflict(one, other):
    """The sentence on two runs that claim the same cell."""
    files = sorted({file_of(one), file_of(other)})
    if len(files) == 1:
        return (f"{files[0]} has results of two configurations for {describe(one)}: remove the lines of the one that "
                "is not wanted, or the folder, and run it again")
    return (f"{files[0]} and {files[1]} both have a result for {describe(one)}: give only the folder that is wanted, "
            "or move the other one away")


def choose_shots(records, asked=None):
    """Keep trained evaluations of one number of shots, all others as they are.

    Returns:
        records, and notes. Without ``asked``: the number there is, or 16, the papers' number, if there are several.

    Raises:
        UserError: several numbers of shots, none of them 16.
    """
    found = sorted({record["shots"] for record in records if is_trained(record)})
    chosen, notes = asked, []
    if asked is None and len(found) > 1:
        if 16 not in found:
            raise UserError(f"the records are of {', '.join(map(str, found))} shots: choose with --shots")
        chosen = 16
        others = ", ".join(str(count) for count in found if count != chosen)
        notes = [f"shown are results with 16 shots; there are others with {others}"]
    if chosen is None:
        return records, notes
    return [record for record in records if not is_trained(record) or record["shots"] == chosen], notes
