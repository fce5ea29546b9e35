"""Figure: loss and accuracy on training batches over the epochs, mean over seeds with the range between them."""
import matplotlib
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from experiments.catalogue import display_name, sort_datasets, sort_methods

from ..accuracy import marks_of, notes_of
from ..agreement import settle
from ..cells import PAPER_SHOTS
from ..records import Epoch
from ..request import Request
from ..settings import varied
from .style import SETTINGS, Drawing, grid, legend, look

QUANTITIES = {"loss": "loss", "acc": "training accuracy (%)"}
CLASSES = {"base": "base classes (with MAO: step 1)", "new": "new classes (step 2 of MAO, against pseudo-labels)",
           "all": "all classes"}

Curve = tuple[str, str, str]  # classes, data set, method
Run = tuple[bool, str, str]  # whether it has the shots that are asked for, its digest, its file
Epochs = dict[int, Epoch]


def training(request: Request) -> list[Drawing]:
    """One figure per part of the classes: base (step 1 of MAO), new (its step 2), all."""
    curves = runs(request)
    doubts = notes(curves, request)
    of_parts = {part: {curve: epochs for curve, epochs in curves.items() if curve[0] == part} for part in CLASSES}
    return [draw_part(part, of_part, doubts) for part, of_part in of_parts.items() if of_part]


def notes(curves: dict[Curve, dict[int, Epochs]], request: Request) -> dict[tuple[str, str], tuple[str, ...]]:
    """{(classes, data set): why its curves are to be doubted}, as the evaluations of the same runs show.

    Raises:
        UserError: runs that do not belong together.
    """
    digests = {curve: {seed: next(iter(epochs.values())).config_digest for seed, epochs in by_seed.items()}
               for curve, by_seed in curves.items()}
    found = {(dataset, method, part): by_seed for (part, dataset, method), of_seed in digests.items() if (
        by_seed := {seed: request.runs[digest] for seed, digest in of_seed.items() if digest in request.runs})}
    settle(found, request)
    return {(part, dataset): notes_of(one for (its_dataset, _, its_part), by_seed in found.items()
                                      if (its_part, its_dataset) == (part, dataset) for one in by_seed.values())
            for part, dataset, _ in curves}


def runs(request: Request) -> dict[Curve, dict[int, Epochs]]:
    """{curve: {seed: {number: epoch}}} of the longest run of each seed, ablations left out."""
    usual, ablations = ({one.config_digest for one in request.evaluations if bool(varied(one)) is other}
                        for other in (False, True))
    found: dict[Curve, dict[int, dict[Run, Epochs]]] = {}
    for one in request.epochs:
        if one.config_digest not in ablations - usual and one.dataset in (request.datasets or [one.dataset]):
            run = (one.shots == (request.shots or PAPER_SHOTS), one.config_digest, str(one.path))
            by_seed = found.setdefault((one.classes, one.dataset, one.trainer), {})
            by_seed.setdefault(one.seed, {}).setdefault(run, {})[one.epoch] = one
    return {curve: {seed: longest(of_seed) for seed, of_seed in by_seed.items()} for curve, by_seed in found.items()}


def longest(found: dict[Run, Epochs]) -> Epochs:
    """Epochs of the run of the shots asked for, or of 16, that has the most; by its digest where several have."""
    return max(found.items(), key=lambda run: (run[0][0], len(run[1]), run[0]))[1]


def draw_part(part: str, curves: dict[Curve, dict[int, Epochs]], doubts: dict[tuple[str, str], tuple[str, ...]],
              ) -> Drawing:
    """Drawing of one part of the classes: a row per data set, a column per quantity. ``doubts``: see ``notes``."""
    datasets = sort_datasets({dataset for _, dataset, _ in curves})
    methods = sort_methods({method for _, _, method in curves})
    last = max(max(epochs) for by_seed in curves.values() for epochs in by_seed.values())
    with matplotlib.rc_context(SETTINGS):
        figure, axes = grid(2 * len(datasets), 2, 4.4, 3.0)
        for row, dataset in enumerate(datasets):
            for axis, (quantity, text) in zip(axes[2 * row:2 * row + 2], QUANTITIES.items(), strict=True):
                for method in methods:
                    draw_curve(axis, curves.get((part, dataset, method), {}), quantity, method)
                axis.set(title=display_name(dataset) + marks_of(doubts[part, dataset]), xlabel="epoch", ylabel=text,
                         xlim=(0.5, last + 0.5))
                axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        legend(figure, {method: {**look(method), "markersize": 4} for method in methods})
    caption = (f"Training on {CLASSES[part]}: mean over seeds, shaded from the lowest to the highest. Batches of MAO "
               "hold hard negatives and are scored against their own classes only.")
    return Drawing(f"training_{part}", caption,
                   f"Curves of loss and accuracy over epochs for {', '.join(methods)} on "
                   f"{', '.join(map(display_name, datasets))}.", figure,
                   dict.fromkeys(note for dataset in datasets for note in doubts[part, dataset]))


def draw_curve(axis: Axes, by_seed: dict[int, Epochs], quantity: str, method: str) -> None:
    """A line for the mean over seeds of each epoch that all of them have; a gap where one was not finite."""
    epochs = sorted(set.intersection(*map(set, by_seed.values()))) if by_seed else []
    values = {epoch: [getattr(by_seed[seed][epoch], quantity) for seed in sorted(by_seed)] for epoch in epochs}
    values = {epoch: numbers for epoch, numbers in values.items() if None not in numbers}
    if values:
        axis.plot(list(values), [sum(numbers) / len(numbers) for numbers in values.values()],
                  **{**look(method), "markersize": 4})
        axis.fill_between(list(values), list(map(min, values.values())), list(map(max, values.values())),
                          color=look(method)["color"], alpha=0.15, linewidth=0)
