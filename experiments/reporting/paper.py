"""The paper's two tables of accuracies (ViT-B/16, 16 shots, mean of three seeds), as data: paper/*.csv.

table1_base_to_new.csv: base, new and H of six methods on eleven data sets. table2_cross_dataset.csv: accuracy on the
source (imagenet) and ten targets, of prompts trained on the source.
"""
import csv
from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

from experiments.catalogue import DATASETS, PAPER_SOURCE

FOLDER = Path(__file__).resolve().parent / "paper"
TABLE_1, TABLE_2 = "table1_base_to_new.csv", "table2_cross_dataset.csv"
AVERAGE = "average"


@lru_cache
def rows(name: str) -> dict[str, dict[str, str]]:
    """{data set or "average": {column: text}} of a CSV, in its order."""
    with open(FOLDER / name, newline="", encoding="utf-8") as file:
        return {row.pop("dataset"): row for row in csv.DictReader(file)}


def config_name(dataset: str) -> str:
    """A data set's name in the CSVs; the registered name itself where the catalogue does not have it."""
    return DATASETS[dataset].config if dataset in DATASETS else dataset


def number(name: str, dataset: str, column: str) -> Fraction | None:
    text = rows(name).get(config_name(dataset), {}).get(column)
    return Fraction(text) if text else None


def base_to_new(dataset: str, method: str, measure: str) -> Fraction | None:
    """Table I: per cent, for the measure "base", "new" or "H"; None where the paper has no number."""
    return number(TABLE_1, dataset, f"{method}_{measure.lower()}")


def cross_dataset(dataset: str, method: str) -> Fraction | None:
    """Table II: per cent; None where the paper has no number."""
    return number(TABLE_2, dataset, method)


def averages_are_of(datasets: Iterable[str], name: str) -> bool:
    """Whether the average row of a CSV is of just these data sets (Table II: its targets)."""
    source = {config_name(PAPER_SOURCE)} if name == TABLE_2 else set()
    return {config_name(dataset) for dataset in datasets} == set(rows(name)) - {AVERAGE} - source
