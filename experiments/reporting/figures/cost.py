"""Figure: time of a training step, peak memory and images per second against the number of classes."""
import matplotlib

from experiments.catalogue import sort_methods

from ..efficiency import by_device, newest
from ..records import Measurement
from ..request import Request
from .style import SETTINGS, Drawing, grid, legend, log_axis, look

# Field of a measurement: (label of the axis, factor from its unit to that of the axis)
QUANTITIES = {"step_seconds": ("time of a step (ms)", 1000), "peak_memory_mb": ("peak memory (MB)", 1),
              "images_per_second": ("images per second", 1)}

Curves = dict[str, list[Measurement]]
"""{method: measurements by number of classes}"""


def cost(request: Request) -> list[Drawing]:
    """One figure per device that has measurements with several numbers of classes."""
    lines = {device: curves(newest(found)[0]) for device, found in by_device(request).items()}
    drawings = [draw(device, of_device) for device, of_device in lines.items() if of_device]
    names: set[str] = set()
    for drawing in drawings:
        while drawing.name in names:  # of devices whose names differ in punctuation alone
            drawing.name += "_"
        names.add(drawing.name)
    return drawings


def curves(found: list[Measurement]) -> Curves:
    """The curves of the methods that have at least two numbers of classes.

    Measurements on made-up data sets (Synthetic<N>) go before those on others, which differ in more than the number.
    """
    made_up = [one for one in found if one.dataset.startswith("Synthetic")]
    if len({one.num_classes for one in made_up}) > 1:
        found = made_up
    lines: dict[str, dict[int, Measurement]] = {}
    for one in found:
        lines.setdefault(one.trainer, {})[one.num_classes] = one
    return {method: [by_count[count] for count in sorted(by_count)]
            for method, by_count in lines.items() if len(by_count) > 1}


def draw(device: str, lines: Curves) -> Drawing:
    methods = sort_methods(lines)
    counts = sorted({one.num_classes for line in lines.values() for one in line})
    with matplotlib.rc_context(SETTINGS):
        figure, axes = grid(len(QUANTITIES), 3, 3.6, 3.2)
        for axis, (key, (text, factor)) in zip(axes, QUANTITIES.items(), strict=True):
            for method in methods:
                line = [one for one in lines[method] if getattr(one, key) is not None]
                axis.plot([one.num_classes for one in line], [getattr(one, key) * factor for one in line],
                          **look(method))
            log_axis(axis, counts, base=10)
            axis.set_ylim(0, axis.get_ylim()[1] * 1.05)
            axis.set(xlabel="classes", ylabel=text)
        legend(figure, {method: look(method) for method in methods})
    suffix = "" if device == "cpu" else "_" + "".join(c if c.isalnum() else "_" for c in device)
    return Drawing(f"cost{suffix}",
                   f"Cost of training against the number of classes on {device}, each method with its own batch size.",
                   f"Curves of step time, memory and images per second over {', '.join(map(str, counts))} classes for "
                   f"{', '.join(methods)}.", figure)
