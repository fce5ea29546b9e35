"""Figure: time of a training step and peak memory against the number of classes."""
import matplotlib
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from ..efficiency import newest
from ..names import sort_methods
from .style import SETTINGS, Drawing, grid, legend, look

QUANTITIES = {"step_seconds": ("time of a step (ms)", 1000), "peak_memory_mb": ("peak memory (MB)", 1),
              "images_per_second": ("images per second", 1)}


def cost(request):
    """One figure a device that has measurements with several numbers of classes."""
    drawings = []
    for device in sorted({str(record["device"]) for record in request.measurements}):
        found, _ = newest([record for record in request.measurements if str(record["device"]) == device])
        lines = curves(found)
        if lines:
            drawings.append(draw(device, lines))
    return drawings


def curves(found):
    """{method: measurements by number of classes} of the methods that have at least two numbers.

    Measurements on made-up data sets (Synthetic<N>) go before those on others, which differ in more than the number.
    """
    made_up = [record for record in found if record["dataset"].startswith("Synthetic")]
    if len({record["num_classes"] for record in made_up}) > 1:
        found = made_up
    lines = {}
    for record in found:
        lines.setdefault(record["trainer"], {})[record["num_classes"]] = record
    return {method: [by_count[count] for count in sorted(by_count)]
            for method, by_count in lines.items() if len(by_count) > 1}


def draw(device, lines):
    methods = sort_methods(lines)
    counts = sorted({record["num_classes"] for line in lines.values() for record in line})
    with matplotlib.rc_context(SETTINGS):
        figure, axes = grid(len(QUANTITIES), 3, 3.6, 3.2)
        for axis, (key, (text, factor)) in zip(axes, QUANTITIES.items()):
            for method in methods:
                line = [record for record in lines[method] if key in record]
                axis.plot([record["num_classes"] for record in line], [record[key] * factor for record in line],
                          **look(method))
            axis.set_xscale("log")
            axis.xaxis.set(major_locator=FixedLocator(counts), minor_locator=NullLocator(),
                           major_formatter=ScalarFormatter())
            axis.set_ylim(0, axis.get_ylim()[1] * 1.05)
            axis.set(xlabel="classes", ylabel=text)
        legend(figure, {method: look(method) for method in methods})
    return Drawing("cost" if device == "cpu" else f"cost_{''.join(c if c.isalnum() else '_' for c in device)}",
                   f"Cost of training against the number of classes on {device}, each method with its own batch size.",
                   f"Curves of step time, memory and images per second over {', '.join(map(str, counts))} classes for "
                   f"{', '.join(methods)}.", figure)
