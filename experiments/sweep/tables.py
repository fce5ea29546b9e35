"""Which jobs make which table, and the table at the end."""
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from compat.errors import UserError
from compat.files import write_file
from experiments.catalogue import (
    DEMO_SOURCE,
    METHODS,
    PAPER_SOURCE,
    WITH_CONTROLS,
    ZERO_SHOT,
    by_default,
    configs_of,
    control,
    demo_targets,
    paper_datasets,
    variants_of,
)

from . import ablations, efficiency, protocols
from .job import Job


@dataclass(frozen=True)
class Table:
    """A table that can be asked for.

    Attributes:
        title: for --help. layout: of the reporting. jobs: function of the options to the jobs.
        methods, datasets, demo_datasets, demo_seeds, output: what is taken unless the caller says otherwise.
        file: name of the table's files, if not the table's own. chart: whether a bar chart is drawn, too.
    """

    title: str
    layout: str
    jobs: Callable[..., list[Job]]
    methods: Sequence[str] = tuple(filter(by_default, METHODS))
    datasets: Sequence[str] = configs_of(paper_datasets())
    demo_datasets: Sequence[str] = configs_of([DEMO_SOURCE])
    demo_seeds: Sequence[int] = (1, 2, 3)
    output: str = "output"
    file: str = ""
    chart: bool = False

    @property
    def has_step_2(self) -> bool:
        """Whether MAO is run with both of its steps."""
        return self.jobs in (protocols.base_to_new, ablations.ablation)

    @property
    def known_methods(self) -> Sequence[str]:
        return WITH_CONTROLS if self.jobs is protocols.base_to_new else tuple(METHODS)


TABLES = {
    "quickstart": Table("zero-shot CLIP and CoOp on the bundled data", "auto", protocols.base_to_new,
                        methods=(ZERO_SHOT, "CoOp", "CoOp_MAO", control("CoOp_MAO")),
                        datasets=configs_of([DEMO_SOURCE]), output="output/quickstart", file="table", chart=True),
    "table1": Table("base to new", "table1", protocols.base_to_new),
    "table2": Table("cross-data set", "table2", protocols.cross_dataset,
                    datasets=configs_of(name for name in paper_datasets() if name != PAPER_SOURCE),
                    demo_datasets=configs_of(demo_targets())),
    "domain_generalization": Table("domain generalisation", "dg", protocols.cross_dataset,
                                   datasets=configs_of(variants_of(PAPER_SOURCE)),
                                   demo_datasets=configs_of(variants_of(DEMO_SOURCE))),
    "few_shot": Table("few-shot, all classes", "few_shot", protocols.few_shot, demo_seeds=(1,)),
    "ablation": Table("ablations of MAO", "ablation", ablations.ablation, methods=("CoOp_MAO",), demo_seeds=(1,)),
    "efficiency": Table("speed and memory", "efficiency", efficiency.measurements,
                        methods=tuple(name for name, method in METHODS.items()
                                      if method.trains and not method.on_request),
                        datasets=configs_of(["Caltech101"])),
}

FORMATS = {"markdown": "md", "csv": "csv"}


def print_table(table: Table, folders: list[str], output: str, name: str) -> int:
    """Print a table of the records in some folders, and write it into ``output`` as markdown and CSV.

    Returns:
        the exit code: 2 if the records have nothing for it.
    """
    from experiments.reporting import chart, request, tables, text  # matplotlib, for one, takes its time

    try:
        made = tables.make_tables(request.read_request(folders), table.layout, folders)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(text.render(made, "terminal", ansi=sys.stdout.isatty()), flush=True)
    base = Path(output) / (table.file or name)
    written = []
    for form, ending in FORMATS.items():
        written.append(str(base.with_suffix(f".{ending}")))
        write_file(written[-1], text.render(made, form) + "\n")
    if table.chart:
        written.append(str(Path(output) / "chart.png"))
        chart.main([*folders, "--output", written[-1]])
    print(f"\nAlso written: {', '.join(written)}")
    return 0
