"""Layout "table1": base, new and H of each method on each data set, and their averages, beside the paper's Table I.

H is that of the averaged base and new accuracies; in the average row, that of average base and average new.
"""
from . import paper
from .names import display_name
from .numbers import harmonic_mean
from .records import by_cell, choose_shots, is_at_home, is_trained, untrained, without_ablations
from .table import Accuracy, Group, accuracy_table, average, missing_sentence

MEASURES = {"base": "base", "new": "new", "H": "H"}


def table1(request):
    groups, shots, notes, missing = base_to_new_groups(request)
    if not groups:
        return []
    table = accuracy_table("table1", f"Base to new, {shots}: accuracy in per cent, mean ± standard deviation over "
                                     "seeds; H of the means", groups, MEASURES)
    table.notes, table.missing = notes, missing
    return [table]


def base_to_new_groups(request):
    """The groups of the table: average first where there are several data sets.

    Returns:
        list of Group; "16 shots"; notes; missing.
    """
    records = [record for record in request.evaluations if half(record) and is_at_home(record)]
    records, notes = without_ablations(records)
    records, others = choose_shots(records, request.shots)
    cells, more = by_cell(records, lambda record: (record["dataset"], record["trainer"], half(record)))
    if not cells:
        return [], "", [], []
    datasets = request.datasets_of({cell[0] for cell in cells})
    methods = request.methods_of({cell[1] for cell in cells})
    trained = [record for record in records if is_trained(record)]
    seeds = sorted({record["seed"] for record in trained})
    without = untrained(records, methods)
    groups, missing = [], []
    for dataset in datasets:
        rows = {}
        for method in methods:
            base, new = (cells.get((dataset, method, measure), {}) for measure in ("base", "new"))
            rows[method] = with_h(dataset, method, base, new)
            for measure, by_seed in (("base", base), ("new", new)):
                lacking = [seed for seed in seeds if seed not in by_seed]
                if not by_seed or (lacking and method not in without):
                    missing.append(missing_sentence(dataset, method, measure, () if method in without else lacking))
        groups.append(Group(display_name(dataset), rows, dataset))
    if len(groups) > 1:
        groups.insert(0, average_group(groups, datasets, methods))
    shots = "{} shots".format(trained[0]["shots"] if trained[0]["shots"] > 0 else "all") if trained else "zero-shot"
    return groups, shots, notes + others + more, missing


def half(record):
    """"base" or "new"; None for other evaluations, those of new classes after step 1 among them."""
    if record["classes"] == "new" and record["stage"] == "base":
        return None
    return record["classes"] if record["classes"] in ("base", "new") else None


def with_h(dataset, method, base, new):
    """{measure: Accuracy} of a row from {seed: record} of both halves."""
    row = {"base": Accuracy.of(base), "new": Accuracy.of(new)}
    row["H"] = Accuracy(harmonic_mean(row["base"].mean, row["new"].mean))
    for measure, accuracy in row.items():
        accuracy.paper = paper.base_to_new(dataset, method, measure)
    return row


def average_group(groups, datasets, methods):
    """Averages over data sets; beside the paper's where the data sets are the paper's."""
    as_paper = paper.averages_are_of(datasets, "table1_base_to_new.csv")
    rows = {}
    for method in methods:
        row = {measure: average(groups, method, measure) for measure in ("base", "new")}
        row["H"] = Accuracy(harmonic_mean(row["base"].mean, row["new"].mean))
        if as_paper:
            for measure, accuracy in row.items():
                accuracy.paper = paper.base_to_new(paper.AVERAGE, method, measure)
        rows[method] = row
    return Group(f"Average of {len(groups)}", rows)
