"""Layout "ablation": one table per data set and method with MAO, one row per setting that differs from the default.

Step 2 of a row may share its step 1 with other rows: settings of step 2 change nothing of the base accuracy.
"""
from collections.abc import Sequence
from dataclasses import dataclass, replace

from experiments.catalogue import display_name

from .accuracy import Accuracy, footnotes, with_h
from .cells import BySeed, Cells, choose
from .records import BASE, NEW, NEW_AFTER_BASE
from .request import Request
from .settings import Setting, label, of_step_1, sort_key, varied, with_mao
from .table import Cell, Table, missing_sentence

COLUMNS = (BASE, NEW_AFTER_BASE, NEW)

Pair = tuple[str, str]  # a data set and a method


@dataclass
class Row:
    """A setting of MAO. ``columns``: the evaluations that count, by column."""

    setting: Setting
    columns: dict[str, BySeed]

    @property
    def numbers(self) -> dict[str, Accuracy]:
        return with_h(self.columns)


def ablation(request: Request) -> list[Table]:
    rows, notes = ablation_rows(request)
    if any(row.setting for of_pair in rows.values() for row in of_pair):  # then those that were varied alone
        rows = {pair: of_pair for pair, of_pair in rows.items() if any(row.setting for row in of_pair)}
    tables = [one_table(dataset, method, rows[dataset, method])
              for dataset in request.datasets_of({dataset for dataset, _ in rows})
              for method in request.methods_of({method for _, method in rows}) if (dataset, method) in rows]
    if tables:
        tables[-1].notes += notes
    return tables


def ablation_rows(request: Request) -> tuple[dict[Pair, list[Row]], list[str]]:
    """The rows of each data set and method, default setting first; notes."""
    shown = (replace(one, trainer=with_mao(one.trainer)) for one in request.shown  # controls among MAO's rows
             if one.stage and one.settings and one.column and one.at_home)
    cells = choose(request, shown, lambda one: (one.column, frozen(varied(one))), ablations=True)
    of_step: dict[Pair, dict[str, set[tuple]]] = {}  # settings that step 1 (base) and step 2 (new) were run with
    for one in cells.evaluations:
        step = of_step.setdefault((one.dataset, one.trainer), {BASE: set(), NEW: set()})
        step[NEW if one.column == NEW else BASE].add(frozen(varied(one)))
    rows, notes = {}, cells.notes
    for pair, step in of_step.items():
        # a step 1 without a step 2 of its own has a row, too, unless it is that of another row
        shared = {frozen(of_step_1(dict(setting))) for setting in step[NEW]}
        settings = sorted(map(dict, step[NEW] | (step[BASE] - shared)), key=sort_key)
        rows[pair] = [Row(setting, columns_of(cells, pair, setting)) for setting in settings]
        notes += drop_common(*pair, rows[pair])
    return rows, notes


def columns_of(cells: Cells, pair: Pair, setting: Setting) -> dict[str, BySeed]:
    """The evaluations of a row: after step 1, those of the part of the setting that step 1 depends on."""
    step_1, step_2 = frozen(of_step_1(setting)), frozen(setting)
    return {column: cells[(*pair, (column, step_2 if column == NEW else step_1))] for column in COLUMNS}


def frozen(setting: Setting) -> tuple:
    return tuple(setting.items())


def drop_common(dataset: str, method: str, rows: Sequence[Row]) -> list[str]:
    """Take what all of several rows differ in from the default setting out of them; a note that says so."""
    common = dict(set.intersection(*(set(row.setting.items()) for row in rows))) if len(rows) > 1 else {}
    for row in rows:
        row.setting = {key: value for key, value in row.setting.items() if key not in common}
    return [f"{method} on {display_name(dataset)}: all rows with {label(common)}"] if common else []


def one_table(dataset: str, method: str, rows: Sequence[Row]) -> Table:
    of_rows = [row.numbers for row in rows]
    table = Table(f"ablation-{dataset}-{method}", f"Ablations of {method} on {display_name(dataset)}: accuracy in per "
                  "cent, mean ± standard deviation over seeds", ["setting", *COLUMNS, "H"], labels=1,
                  notes=footnotes([number for numbers in of_rows for number in numbers.values()]))
    seeds = sorted({seed for row in rows for by_seed in row.columns.values() for seed in by_seed})
    for row, numbers in zip(rows, of_rows, strict=True):
        name = label(row.setting)
        table.rows.append([Cell(name), *(Cell(str(accuracy)) for accuracy in numbers.values())])
        table.data += [accuracy.row(layout="ablation", dataset=dataset, method=method, setting=name, measure=measure)
                       for measure, accuracy in numbers.items()]
        by_lack: dict[tuple[int, ...], list[str]] = {}
        for column, by_seed in row.columns.items():
            by_lack.setdefault(tuple(seed for seed in seeds if seed not in by_seed), []).append(column)
        table.missing += [missing_sentence(dataset, method, f"{name}: {', '.join(columns)}", lacking)
                          for lacking, columns in by_lack.items() if lacking]
    return table
