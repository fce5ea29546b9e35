"""Layout "auto": one base-to-new table a data set, with the accuracy on new classes after each of MAO's two steps."""
from .base_to_new import BASE, NEW, NEW_AFTER_BASE, methods_by_dataset, missing_cells
from .numbers import fixed
from .table import MISSING, Accuracy, Cell, Table


def auto(request):
    by_dataset, notes = methods_by_dataset(request.evaluations)
    tables = []
    for dataset, methods in by_dataset.items():
        if request.datasets and dataset not in request.datasets:
            continue
        tables.append(dataset_table(dataset, methods))
    if tables:
        tables[-1].notes = notes
    return tables


def dataset_table(dataset, methods):
    """Table of one data set. ``methods``: its rows, a list of Method."""
    with_steps = any(method.has_steps for method in methods)
    columns = [BASE, *([NEW_AFTER_BASE] if with_steps else []), NEW]
    table = Table(f"auto-{dataset}", f"{dataset}: accuracy in per cent, mean ± standard deviation over seeds",
                  ["method", "shots", "seeds", *columns, "H"], labels=1, missing=missing_cells(dataset, methods))
    for method in methods:
        numbers = {column: Accuracy.of(method.records.get(column, {})) for column in method.columns}
        h = method.harmonic_mean()
        table.rows.append([
            Cell(method.trainer), Cell(method.shots), Cell(" ".join(map(str, sorted(method.seeds)))),
            *(Cell(numbers[column].text() if column in numbers else "") for column in columns),
            Cell(MISSING if h is None else fixed(h))])
        table.data += [accuracy.row(layout="auto", shots=method.shots, dataset=dataset, method=method.trainer,
                                    measure=measure)
                       for measure, accuracy in [*numbers.items(), ("H", Accuracy(h))]]
    return table
