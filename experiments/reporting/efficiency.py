"""Layout "efficiency": what training with each method costs, in parameters, time and memory."""
from collections.abc import Iterable

from experiments.catalogue import display_name, sort_datasets, sort_methods

from .numbers import fixed
from .records import Measurement
from .request import Request
from .table import Cell, Table

# Field of a measurement: (head of its column, factor from its unit to that of the column, decimals)
COLUMNS = {
    "num_classes": ("classes", 1, 0),
    "batch_size": ("batch", 1, 0),
    "learnable_parameters": ("learnable parameters", 1, 0),
    "step_seconds": ("ms per step", 1000, 1),
    "epoch_seconds": ("s per epoch", 1, 1),
    "images_per_second": ("images/s", 1, 1),
    "peak_memory_mb": ("peak memory, MB", 1, 0),
}


def efficiency(request: Request) -> list[Table]:
    """One table per device."""
    tables = []
    for device, measurements in by_device(request).items():
        found, notes = newest(measurements)
        found = [one for one in found if one.dataset in (request.datasets or [one.dataset])]
        if not found:
            continue
        table = Table(f"efficiency-{device}", f"Cost of training on {device}; batch: images that a step is asked for",
                      ["data set", "method", *(head for head, _, _ in COLUMNS.values())], labels=2, notes=notes)
        for one in found:
            values = {key: getattr(one, key) for key in COLUMNS}
            table.rows.append([Cell(display_name(one.dataset)), Cell(one.trainer),
                               *(Cell(printed(key, value)) for key, value in values.items())])
            table.data.append({"layout": "efficiency", "device": device, "dataset": one.dataset, "method": one.trainer,
                               **{key: "" if value is None else value for key, value in values.items()},
                               "date": one.date})
        tables.append(table)
    return tables


def by_device(request: Request) -> dict[str, list[Measurement]]:
    return {device: [one for one in request.measurements if one.device == device]
            for device in sorted({one.device for one in request.measurements})}


def newest(measurements: Iterable[Measurement]) -> tuple[list[Measurement], list[str]]:
    """The last measurement of each method, data set and batch size, in the order of the tables; notes on the others."""
    measurements = sorted(measurements, key=lambda one: one.date)
    chosen = {(one.dataset, one.num_classes, one.trainer, one.batch_size): one for one in measurements}
    datasets = sort_datasets(one.dataset for one in measurements)
    methods = sort_methods(one.trainer for one in measurements)
    older = len(measurements) - len(chosen)
    notes = [f"{older} older measurements of the same are left out"] if older else []
    return sorted(chosen.values(), key=lambda one: (one.num_classes, datasets.index(one.dataset),
                                                    methods.index(one.trainer), one.batch_size)), notes


def printed(key: str, value: float | None) -> str:
    """Number of a measurement in the unit of its column; empty where an old record lacks it."""
    _, factor, digits = COLUMNS[key]
    return "" if value is None else fixed(value * factor, digits)
