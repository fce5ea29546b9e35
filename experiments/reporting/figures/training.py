"""Figure: loss and accuracy on training batches over the epochs, mean over seeds with the range between them."""
import matplotlib
from matplotlib.ticker import MaxNLocator

from ..names import display_name, sort_datasets, sort_methods
from ..records import first_steps
from ..settings import varied
from .style import SETTINGS, Drawing, grid, legend, look

QUANTITIES = {"loss": "loss", "acc": "training accuracy (%)"}


def training(request):
    """One figure a part of the classes: base (step 1 of MAO), new (its step 2), all."""
    drawings = []
    curves = runs(request)
    for classes in ("base", "new", "all"):
        of_part = {key: epochs for key, epochs in curves.items() if key[0] == classes}
        if of_part:
            drawings.append(draw_part(classes, of_part))
    return drawings


def runs(request):
    """{(classes, data set, method): {seed: {epoch: record}}} of the longest run of each, ablations left out."""
    steps = first_steps(request.evaluations)
    ablations = {record["config_digest"] for record in request.evaluations
                 if varied(record, steps.get(record.get("parent")))}
    by_run = {}
    for record in request.epochs:
        if record["config_digest"] in ablations or (request.datasets and record["dataset"] not in request.datasets):
            continue
        key = (record["classes"], record["dataset"], record["trainer"])
        run = (record["shots"] == (request.shots or 16), record["config_digest"], record["folder"])
        by_run.setdefault(key, {}).setdefault(record["seed"], {}).setdefault(run, {})[record["epoch"]] = record
    return {key: {seed: longest(found) for seed, found in seeds.items()} for key, seeds in by_run.items()}


def longest(found):
    """Epochs of the run of 16 shots, or those asked for, that has the most; by its digest where several have."""
    return max(found.items(), key=lambda run: (run[0][0], len(run[1]), run[0]))[1]


def draw_part(classes, curves):
    """Drawing of one part of the classes: a row a data set, a column a quantity."""
    datasets = sort_datasets({dataset for _, dataset, _ in curves})
    methods = sort_methods({method for _, _, method in curves})
    last = max(max(epochs) for by_seed in curves.values() for epochs in by_seed.values())
    with matplotlib.rc_context(SETTINGS):
        figure, axes = grid(2 * len(datasets), 2, 4.4, 3.0)
        for row, dataset in enumerate(datasets):
            for axis, (quantity, text) in zip(axes[2 * row:], QUANTITIES.items()):
                for method in methods:
                    draw_curve(axis, curves.get((classes, dataset, method), {}), quantity, method)
                axis.set(title=display_name(dataset), xlabel="epoch", ylabel=text)
                axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
                axis.set_xlim(0.5, last + 0.5)
        legend(figure, {method: {**look(method), "markersize": 4} for method in methods})
    names = {"base": "base classes (with MAO: step 1)", "new": "new classes (step 2 of MAO, against pseudo-labels)",
             "all": "all classes"}
    caption = (f"Training on {names[classes]}: mean over seeds, shaded from the lowest to the highest. Batches of "
               "MAO hold hard negatives and are scored against their own classes only.")
    return Drawing(f"training_{classes}", caption,
                   f"Curves of loss and accuracy over epochs for {', '.join(methods)} on "
                   f"{', '.join(map(display_name, datasets))}.", figure)


def draw_curve(axis, by_seed, quantity, method):
    """A line for the mean over seeds of each epoch that all of them have."""
    if not by_seed:
        return
    epochs = sorted(set.intersection(*(set(epochs) for epochs in by_seed.values())))
    values = [[by_seed[seed][epoch].get(quantity) for seed in sorted(by_seed)] for epoch in epochs]
    shown = [(epoch, numbers) for epoch, numbers in zip(epochs, values)
             if all(isinstance(number, (int, float)) for number in numbers)]  # None: the loss was not finite
    if not shown:
        return
    axis.plot([epoch for epoch, _ in shown], [sum(numbers) / len(numbers) for _, numbers in shown],
              **{**look(method), "markersize": 4})
    axis.fill_between([epoch for epoch, _ in shown], [min(numbers) for _, numbers in shown],
                      [max(numbers) for _, numbers in shown], color=look(method)["color"], alpha=0.15, linewidth=0)
