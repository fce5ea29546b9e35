"""Layouts "table2" and "dg": prompts trained on all classes of a source, tested on it and, as they are, elsewhere.

table2: on data sets with other classes, beside the paper's Table II. dg (domain generalisation): on the source's own
classes in other images, ImageNetV2, -Sketch, -A and -R for ImageNet. The average is that of the targets alone.
"""
from . import paper
from .names import display_name, sort_datasets, variants_of
from .records import by_cell, choose_shots, is_at_home, is_trained, parents, source_of, untrained, without_ablations
from .table import Accuracy, Group, accuracy_table, average, missing_sentence

MEASURE = "accuracy"


def table2(request):
    return tables(request, "table2", "Cross-data set", lambda source, found: [
        name for name in found if name not in variants_of(source, found)])


def dg(request):
    return tables(request, "dg", "Domain generalisation", variants_of)


def tables(request, layout, title, choose_targets):
    """One table a source. ``choose_targets``: function of the source and the other data sets to the targets."""
    records = [record for record in request.evaluations if record["classes"] == "all"]
    made = []
    for source in sort_datasets({source_of(record) for record in records if not is_at_home(record)}):
        tested = {record["dataset"] for record in records if source_of(record) == source}
        targets = choose_targets(source, sort_datasets(tested - {source}))
        if request.datasets:
            others = [name for name in request.datasets if name != source]
            targets = choose_targets(source, others)
        if targets:
            made.append(one_table(request, records, layout, title, source, targets))
    return made


def one_table(request, records, layout, title, source, targets):
    of_source = [record for record in records if source_of(record) in ("", source)
                 and record["dataset"] in (source, *targets)]
    of_source, notes = without_ablations(of_source)
    of_source, others = choose_shots(of_source, request.shots)
    tested_elsewhere = parents(of_source)
    cells, more = by_cell(of_source, lambda record: (record["dataset"], record["trainer"]),
                          prefer=lambda record: record["config_digest"] in tested_elsewhere)
    methods = request.methods_of({cell[1] for cell in cells})
    without = untrained(of_source, methods)
    seeds = sorted({record["seed"] for record in of_source if is_trained(record)})
    groups, missing = [], []
    for dataset in (source, *targets):
        rows = {}
        for method in methods:
            by_seed = cells.get((dataset, method), {})
            number = paper.cross_dataset(dataset, method) if source == "ImageNet" and layout == "table2" else None
            rows[method] = {MEASURE: Accuracy.of(by_seed, number)}
            lacking = [seed for seed in seeds if seed not in by_seed]
            if method in without and not by_seed:
                missing.append(missing_sentence(dataset, method, "all classes", ()))
            elif method not in without and lacking:
                missing.append(missing_sentence(dataset, method, f"trained on {display_name(source)}", lacking))
        label = display_name(dataset) + (" (source)" if dataset == source else "")
        groups.append(Group(label, rows, dataset))
    if len(targets) > 1:
        groups.append(average_group(groups[1:], targets, methods, source, layout))
    table = accuracy_table(f"{layout}-{source}", f"{title}, trained on all classes of {display_name(source)}: accuracy "
                           "in per cent, mean ± standard deviation over seeds; average of the targets", groups,
                           {MEASURE: MEASURE})
    table.notes, table.missing = notes + others + more, missing
    return table


def average_group(groups, targets, methods, source, layout):
    as_paper = (source == "ImageNet" and layout == "table2"
                and paper.averages_are_of(targets, "table2_cross_dataset.csv"))
    rows = {}
    for method in methods:
        accuracy = average(groups, method, MEASURE)
        accuracy.paper = paper.cross_dataset(paper.AVERAGE, method) if as_paper else None
        rows[method] = {MEASURE: accuracy}
    return Group(f"Average of {len(groups)} targets", rows)
