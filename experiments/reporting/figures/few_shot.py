"""Figure: accuracy on all classes against the number of training images per class, one panel per data set."""
import matplotlib
from matplotlib.axes import Axes

from ..accuracy import Accuracy, marks_of, notes_of
from ..few_shot import few_shot_groups
from ..groups import Group
from ..request import Request
from .style import SETTINGS, Drawing, Look, grid, legend, log_axis, look

PER_ROW = 3

Curves = dict[str, dict[int, Accuracy]]
"""{method: {training images per class, 0 where nothing is trained: accuracy}}"""


def few_shot(request: Request) -> list[Drawing]:
    """Empty unless a method was trained with two numbers of images: a single one is a column of the table."""
    found = {group.label: (curves(group), notes_of(group.numbers)) for group in few_shot_groups(request)[0]}
    found = {label: panel for label, panel in found.items() if any(len(curve) > 1 for curve in panel[0].values())}
    if not found:
        return []
    methods = dict.fromkeys(method for of_methods, _ in found.values() for method in of_methods)
    with matplotlib.rc_context(SETTINGS):
        figure, axes = grid(len(found), PER_ROW, *((6.2, 4.8) if len(found) == 1 else (3.3, 3.2)))
        for axis, (label, (of_methods, notes)) in zip(axes, found.items(), strict=True):
            draw(axis, of_methods)
            axis.set(title=label + marks_of(notes), xlabel="training images per class", ylabel="accuracy (%)")
        legend(figure, {method: line(method, any(0 in of_methods.get(method, {}) for of_methods, _ in found.values()))
                        for method in methods})
    numbers = "; ".join(f"{label}: " + ", ".join(
        f"{method} " + " ".join(f"{number.short()} ({shots})" for shots, number in curve.items())
        for method, curve in of_methods.items()) for label, (of_methods, _) in found.items())
    return [Drawing("few_shot", "Accuracy on all classes against training images per class; bars: standard deviation "
                                "over seeds; a line from side to side: a method that trains nothing.",
                    f"Lines of accuracy over training images per class. {numbers}.", figure,
                    dict.fromkeys(note for _, notes in found.values() for note in notes))]


def curves(group: Group) -> Curves:
    """What a group has; trainings on all images have no place on the axis."""
    found = {method: {int(count): number for count, number in row.items() if count != "-1" and number.mean is not None}
             for method, row in group.rows.items()}
    return {method: curve for method, curve in found.items() if curve}


def draw(axis: Axes, of_methods: Curves) -> None:
    for method, curve in of_methods.items():
        if 0 in curve:
            axis.axhline(curve[0].value, **line(method, True))
        else:
            axis.errorbar(list(curve), [number.value for number in curve.values()],
                          yerr=[number.deviation or 0 for number in curve.values()], elinewidth=0.9, **look(method))
    log_axis(axis, sorted({shots for curve in of_methods.values() for shots in curve if shots}), 2)


def line(method: str, untrained: bool) -> Look:
    """How a method's line looks; without marks for one that trains nothing, as there is no place for them."""
    return {**look(method), "marker": "", "linestyle": ":"} if untrained else look(method)
