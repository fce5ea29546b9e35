"""Which jobs make which table, and the table at the end."""
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from . import ablations, efficiency, protocols
from .methods import DATASETS, DEMO_SOURCE, IMAGENET_VARIANTS, METHODS, ROOT, ZERO_SHOT, demo_targets

TUNED = tuple(method for method in METHODS if method != ZERO_SHOT)


@dataclass(frozen=True)
class Table:
    """A table that can be asked for.

    Attributes:
        layout: of scripts/tables.py. jobs: function of the options to the jobs. methods, datasets, demo_datasets,
            demo_seeds: what is taken unless the caller says otherwise; a function for names that are looked up.
        title: for --help.
    """

    title: str
    layout: str
    jobs: callable
    methods: tuple
    datasets: tuple
    demo_datasets: callable
    demo_seeds: tuple = (1, 2, 3)


def only_source():
    return (DEMO_SOURCE,)


TABLES = {
    "table1": Table("base to new", "table1", protocols.base_to_new, METHODS, DATASETS, only_source),
    "table2": Table("cross-data set", "table2", protocols.cross_dataset, METHODS, DATASETS[1:],
                    lambda: demo_targets("emoji")),
    "domain_generalization": Table("domain generalisation", "dg", protocols.cross_dataset, METHODS, IMAGENET_VARIANTS,
                                   lambda: demo_targets(DEMO_SOURCE)),
    "few_shot": Table("few-shot, all classes", "few_shot", protocols.few_shot, METHODS, DATASETS, only_source, (1,)),
    "ablation": Table("ablations of MAO", "ablation", ablations.ablation, ("CoOp_MAO",), DATASETS, only_source, (1,)),
    "efficiency": Table("speed and memory", "efficiency", efficiency.measurements, TUNED, ("caltech101",),
                        only_source),
}

FORMATS = {"markdown": "md", "csv": "csv"}


def print_table(table, folders, output, name):
    """Print a table of the records in some folders, and write it as markdown and CSV into ``output``.

    Returns:
        exit code of scripts/tables.py, and the files that were written.
    """
    command = [sys.executable, "scripts/tables.py", "--layout", table.layout, *folders]
    code = subprocess.run(command, cwd=ROOT).returncode
    written = []
    for form, ending in FORMATS.items() if code == 0 else ():
        path = str(Path(output) / f"{name}.{ending}")
        if subprocess.run([*command, "--format", form, "--output", path], cwd=ROOT).returncode == 0:
            written.append(path)
    return code, written
