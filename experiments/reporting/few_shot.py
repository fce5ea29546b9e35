"""Layout "few_shot": accuracy on all classes, trained on 1 to 16 images a class of the same data set."""
from .names import display_name
from .records import by_cell, is_at_home, is_trained, parents, untrained, without_ablations
from .table import Accuracy, Group, accuracy_table, average, missing_sentence


def few_shot(request):
    groups, measures, notes, missing = few_shot_groups(request)
    if not groups:
        return []
    table = accuracy_table("few_shot", "Few-shot, all classes: accuracy in per cent, mean ± standard deviation over "
                                       "seeds", groups, measures)
    table.notes, table.missing = notes, missing
    return [table]


def few_shot_groups(request):
    """Groups, average first where there are several data sets; {shots as text: head}; notes; missing."""
    records = [record for record in request.evaluations if record["classes"] == "all" and is_at_home(record)
               and (request.shots in (None, record["shots"]) or not is_trained(record))]
    records, notes = without_ablations(records)
    if not any(map(is_trained, records)):
        return [], {}, [], []
    tested_elsewhere = parents(request.evaluations)
    cells, more = by_cell(records, lambda record: (record["dataset"], record["trainer"], shots_of(record)),
                          prefer=lambda record: record["config_digest"] not in tested_elsewhere)
    # a data set that prompts were trained on for tests elsewhere alone is no row
    with_training = {record["dataset"] for record in records
                     if is_trained(record) and record["config_digest"] not in tested_elsewhere}
    if not with_training:
        return [], {}, [], []
    datasets = request.datasets_of(with_training)
    methods = request.methods_of({cell[1] for cell in cells if cell[0] in datasets})
    shots = sorted({cell[2] for cell in cells if cell[0] in datasets})
    seeds = sorted({record["seed"] for record in records if is_trained(record)})
    without = untrained(records, methods)
    groups, missing = [], []
    for dataset in datasets:
        rows = {}
        for method in methods:
            rows[method] = {}
            for count in shots:
                if (count == 0) != (method in without):
                    continue
                by_seed = cells.get((dataset, method, count), {})
                rows[method][str(count)] = Accuracy.of(by_seed)
                lacking = [seed for seed in seeds if seed not in by_seed]
                if not by_seed or (lacking and count):
                    what = f"{head(count)}, all classes"
                    missing.append(missing_sentence(dataset, method, what, lacking if count else ()))
        groups.append(Group(display_name(dataset), rows, dataset))
    measures = {str(count): head(count) for count in shots}
    if len(groups) > 1:
        rows = {method: {measure: average(groups, method, measure) for measure in groups[0].rows[method]}
                for method in methods}
        groups.insert(0, Group(f"Average of {len(groups)}", rows))
    return groups, measures, notes + more, missing


def shots_of(record):
    """Images a class; 0 where nothing is trained."""
    return record["shots"] if is_trained(record) else 0


def head(count):
    return {0: "zero-shot", 1: "1 shot"}.get(count, f"{count} shots" if count > 0 else "all images")
