"""Layout "ablation": one table a data set and method with MAO, one row a setting that differs from the default ones.

Step 2 of a row may share its step 1 with other rows: settings of step 2 change nothing of the base accuracy.
"""
from .base_to_new import BASE, NEW, NEW_AFTER_BASE, column_of
from .names import display_name
from .numbers import fixed, harmonic_mean
from .records import by_cell, choose_shots, first_steps, is_at_home
from .settings import label, of_step_1, sort_key, varied
from .table import MISSING, Accuracy, Cell, Table, missing_sentence

COLUMNS = (BASE, NEW_AFTER_BASE, NEW)


def ablation(request):
    rows, notes = ablation_rows(request)
    tables = []
    if any(setting for settings in rows.values() for setting, _ in settings):  # then those that were varied alone
        rows = {pair: settings for pair, settings in rows.items() if any(setting for setting, _ in settings)}
    for dataset in request.datasets_of({dataset for dataset, _ in rows}):
        for method in request.methods_of({method for _, method in rows}):
            if (dataset, method) in rows:
                tables.append(one_table(dataset, method, rows[dataset, method]))
    if tables:
        tables[-1].notes = notes
    return tables


def ablation_rows(request):
    """{(data set, method): [(differing settings, {column: {seed: record}})]}, default setting first; notes."""
    records = [record for record in request.evaluations
               if record["stage"] and record.get("settings") and column_of(record) and is_at_home(record)]
    records, notes = choose_shots(records, request.shots)
    steps = first_steps(records)

    def differing(record):
        return varied(record, steps.get(record.get("parent")))

    cells, more = by_cell(records, lambda record: (record["dataset"], record["trainer"], column_of(record),
                                                   freeze(differing(record))))
    found = {}
    for dataset, method, column, setting in cells:
        found.setdefault((dataset, method), {NEW: set(), BASE: set()})[NEW if column == NEW else BASE].add(setting)
    rows = {}
    for (dataset, method), settings in found.items():
        # a step 1 without a step 2 of its own has a row, too, unless it is that of another row
        used = {freeze(of_step_1(dict(setting))) for setting in settings[NEW]}
        for setting in sorted(settings[NEW] | (settings[BASE] - used), key=lambda one: sort_key(dict(one))):
            first = freeze(of_step_1(dict(setting)))
            rows.setdefault((dataset, method), []).append((dict(setting), {
                column: cells.get((dataset, method, column, setting if column == NEW else first), {})
                for column in COLUMNS}))
    return rows, notes + more + [note for pair in rows for note in drop_common(*pair, rows[pair])]


def drop_common(dataset, method, rows):
    """Take what all of several rows differ in from the default setting out of them; a note that says so."""
    common = dict(set.intersection(*(set(setting.items()) for setting, _ in rows))) if len(rows) > 1 else {}
    for setting, _ in rows:
        for key in common:
            del setting[key]
    return [f"{method} on {display_name(dataset)}: all rows with {label(common)}"] if common else []


def freeze(setting):
    return tuple(setting.items())


def one_table(dataset, method, rows):
    """Table of one method on one data set. ``rows``: as from ``ablation_rows``."""
    table = Table(f"ablation-{dataset}-{method}", f"Ablations of {method} on {display_name(dataset)}: accuracy in per "
                  "cent, mean ± standard deviation over seeds", ["setting", *COLUMNS, "H"], labels=1)
    seeds = sorted({seed for _, columns in rows for by_seed in columns.values() for seed in by_seed})
    for setting, columns in rows:
        numbers = {column: Accuracy.of(by_seed) for column, by_seed in columns.items()}
        h = harmonic_mean(numbers[BASE].mean, numbers[NEW].mean)
        table.rows.append([Cell(label(setting)), *(Cell(numbers[column].text()) for column in COLUMNS),
                           Cell(MISSING if h is None else fixed(h))])
        table.data += [accuracy.row(layout="ablation", dataset=dataset, method=method, setting=label(setting),
                                    measure=measure) for measure, accuracy in [*numbers.items(), ("H", Accuracy(h))]]
        by_lack = {}
        for column, by_seed in columns.items():
            by_lack.setdefault(tuple(seed for seed in seeds if seed not in by_seed), []).append(column)
        table.missing += [missing_sentence(dataset, method, f"{label(setting)}: {', '.join(lacking)}", missing_seeds)
                          for missing_seeds, lacking in by_lack.items() if missing_seeds]
    return table
