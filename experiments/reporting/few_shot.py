"""Layout "few_shot": accuracy on all classes, trained on 1 to 16 images per class of the same data set."""
from .cells import choose, parents
from .groups import Group, accuracy_table, average_group, make_groups
from .request import Request
from .table import Table


def few_shot(request: Request) -> list[Table]:
    groups, notes, missing = few_shot_groups(request)
    if not groups:
        return []
    counts = sorted({shots for group in groups for row in group.rows.values() for shots in row}, key=int)
    table = accuracy_table("few_shot", "Few-shot, all classes: accuracy in per cent, mean ± standard deviation over "
                                       "seeds", groups, {count: head(count) for count in counts})
    table.notes += notes
    table.missing = missing
    return [table]


def few_shot_groups(request: Request) -> tuple[list[Group], list[str], list[str]]:
    """(groups of the data sets that something was trained on, behind their average; notes; what is missing).

    The measures are numbers of training images per class, as text: "0" for methods that train nothing, "-1" for all.
    """
    evaluations = [one for one in request.shown if one.classes == "all" and one.at_home
                   and (request.shots in (None, one.shots) or not one.trained)]
    tested_elsewhere = parents(request.evaluations)  # Table II trains on all classes, too: its source alone is no row
    cells = choose(request, evaluations, lambda one: str(one.shown_shots), one_shots=False,
                   prefer=lambda one: not one.is_of(tested_elsewhere))
    with_training = {one.dataset for one in cells.evaluations
                     if one.trained and not one.is_of(tested_elsewhere)}
    if not with_training:
        return [], [], []
    datasets = request.datasets_of(with_training)
    shown = [cell for cell in cells.found if cell[0] in datasets]
    methods = request.methods_of({method for _, method, _ in shown})
    counts = sorted({shots for _, _, shots in shown}, key=int)
    untrained = cells.untrained(methods)
    groups, missing = make_groups(
        cells, datasets, methods,
        lambda method: [count for count in counts if (count == "0") == (method in untrained)],
        lambda _, count: f"{head(count)}, all classes")
    if len(groups) > 1:
        groups.insert(0, average_group(groups, f"Average of {len(groups)}"))
    return groups, cells.notes, missing


def head(count: str) -> str:
    """Head of the column of a number of training images per class."""
    return {"0": "zero-shot", "1": "1 shot", "-1": "all images"}.get(count, f"{count} shots")
