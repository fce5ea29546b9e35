"""Layouts "table2" and "dg": prompts trained on all classes of a source, tested on it and, as they are, elsewhere.

table2: on data sets with other classes, beside the paper's Table II. dg (domain generalisation): on the source's own
classes in other images, ImageNetV2, -Sketch, -A and -R for ImageNet. The average is that of the targets alone.
"""
from experiments.catalogue import PAPER_SOURCE, display_name, sort_datasets, variants_of

from . import paper
from .cells import choose, parents
from .groups import accuracy_table, add_paper, average_group, make_groups
from .records import Evaluation
from .request import Request
from .table import Table

MEASURE = "accuracy"


def table2(request: Request) -> list[Table]:
    return tables(request, "table2", "Cross-data set", of_variants=False)


def dg(request: Request) -> list[Table]:
    return tables(request, "dg", "Domain generalisation", of_variants=True)


def tables(request: Request, layout: str, title: str, of_variants: bool) -> list[Table]:
    """One table per source. ``of_variants``: whether the targets show the source's classes in other images."""
    evaluations = [one for one in request.evaluations if one.classes == "all"]
    made = []
    for source in sort_datasets({one.trained_on for one in evaluations if not one.at_home}):
        tested = request.datasets or sort_datasets({one.dataset for one in evaluations if one.trained_on == source})
        targets = [name for name in tested if name != source and (name in variants_of(source)) == of_variants]
        if targets:
            of_source = [one for one in evaluations if one.trained_on in ("", source)
                         and one.dataset in (source, *targets)]
            made.append(one_table(request, of_source, layout, title, source, targets))
    return made


def one_table(request: Request, evaluations: list[Evaluation], layout: str, title: str, source: str,
              targets: list[str]) -> Table:
    tested_elsewhere = parents(evaluations)
    cells = choose(request, evaluations, lambda _: MEASURE,
                   prefer=lambda one: one.is_of(tested_elsewhere))
    methods = request.methods_of(cells.methods)
    untrained = cells.untrained(methods)
    groups, missing = make_groups(
        cells, [source, *targets], methods, lambda _: [MEASURE],
        lambda method, _: "all classes" if method in untrained else f"trained on {display_name(source)}")
    groups[0].label += " (source)"
    if len(targets) > 1:
        groups.append(average_group(groups[1:], f"Average of {len(targets)} targets"))
    if source == PAPER_SOURCE and layout == "table2":
        add_paper(groups, lambda dataset, method, _: paper.cross_dataset(dataset, method),
                  paper.averages_are_of(targets, paper.TABLE_2))
    table = accuracy_table(f"{layout}-{source}", f"{title}, trained on all classes of {display_name(source)}: accuracy "
                           "in per cent, mean ± standard deviation over seeds; average of the targets", groups,
                           {MEASURE: MEASURE})
    table.notes += cells.notes
    table.missing = missing
    return table
