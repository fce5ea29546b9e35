"""Layout "efficiency": what training with each method costs, in parameters, time and memory."""
from .names import display_name, sort_datasets, sort_methods
from .numbers import fixed
from .table import Cell, Table

# Key of a measurement: (head of its column, factor from its unit to that of the column, decimals)
COLUMNS = {
    "num_classes": ("classes", 1, 0),
    "batch_size": ("batch", 1, 0),
    "learnable_parameters": ("learnable parameters", 1, 0),
    "step_seconds": ("ms a step", 1000, 1),
    "epoch_seconds": ("s an epoch", 1, 1),
    "images_per_second": ("images/s", 1, 1),
    "peak_memory_mb": ("peak memory, MB", 1, 0),
}


def efficiency(request):
    """One table a device."""
    tables = []
    for device in sorted({str(record["device"]) for record in request.measurements}):
        found, notes = newest([record for record in request.measurements if str(record["device"]) == device])
        if request.datasets:
            found = [record for record in found if record["dataset"] in request.datasets]
        if not found:
            continue
        table = Table(f"efficiency-{device}", f"Cost of training on {device}; batch: images that a step is asked for",
                      ["data set", "method", *(head for head, _, _ in COLUMNS.values())], labels=2, notes=notes)
        for record in found:
            table.rows.append([Cell(display_name(record["dataset"])), Cell(record["trainer"]),
                               *(Cell(printed(record, key)) for key in COLUMNS)])
            table.data.append({"layout": "efficiency", "device": device, "dataset": record["dataset"],
                               "method": record["trainer"], **{key: record.get(key, "") for key in COLUMNS},
                               "date": record["date"]})
        tables.append(table)
    return tables


def newest(records):
    """The last measurement of each method, data set and batch size, in the order of the tables; notes on the others."""
    chosen = {}
    for record in sorted(records, key=lambda record: str(record["date"])):
        chosen[record["dataset"], record["num_classes"], record["trainer"], record["batch_size"]] = record
    datasets = sort_datasets({record["dataset"] for record in records})
    methods = sort_methods({record["trainer"] for record in records})
    older = len(records) - len(chosen)
    notes = [f"{older} older measurements of the same are left out"] if older else []
    return sorted(chosen.values(), key=lambda record: (record["num_classes"], datasets.index(record["dataset"]),
                                                       methods.index(record["trainer"]), record["batch_size"])), notes


def printed(record, key):
    """Number of a measurement in the unit of its column; empty where an old record lacks it."""
    _, factor, digits = COLUMNS[key]
    return fixed(record[key] * factor, digits) if key in record else ""
