"""Layout "table1": base, new and H of each method on each data set, and their averages, beside the paper's Table I.

H is that of the averaged base and new accuracies; in the average row, that of average base and average new.
"""
from . import paper
from .accuracy import h_of
from .cells import choose
from .differences import difference_table
from .groups import Group, accuracy_table, add_paper, average_group, make_groups
from .records import BASE, NEW
from .request import Request
from .settings import labellers
from .table import Table

MEASURES = (BASE, NEW, "H")


def table1(request: Request) -> list[Table]:
    groups, shots, notes, missing = base_to_new_groups(request)
    if not groups:
        return []
    table = accuracy_table("table1", f"Base to new, {shots}: accuracy in per cent, mean ± standard deviation over "
                                     "seeds; H of the means", groups, {measure: measure for measure in MEASURES})
    table.notes += notes
    table.missing = missing
    return [table, *difference_table("table1", [(group.dataset or group.label, group.rows) for group in groups],
                                     MEASURES)]


def base_to_new_groups(request: Request) -> tuple[list[Group], str, list[str], list[str]]:
    """The groups, average first where there are several data sets; "16 shots"; notes; what is missing."""
    cells = choose(request, (one for one in request.shown if one.column in (BASE, NEW) and one.at_home),
                   lambda one: str(one.column))
    if not cells.found:
        return [], "", [], []
    datasets, methods = request.datasets_of(cells.datasets), request.methods_of(cells.methods)
    groups, missing = make_groups(cells, datasets, methods, lambda _: (BASE, NEW), lambda _, measure: measure)
    if len(groups) > 1:
        groups.insert(0, average_group(groups, f"Average of {len(groups)}"))
    for group in groups:
        for row in group.rows.values():
            row["H"] = h_of(row)
    add_paper(groups, paper.base_to_new, paper.averages_are_of(datasets, paper.TABLE_1))
    shots = next((one.shown_shots for one in cells.evaluations if one.trained), 0)
    notes = [*labellers(cells.evaluations), *cells.notes]
    return groups, {0: "zero-shot", -1: "all shots"}.get(shots, f"{shots} shots"), notes, missing
