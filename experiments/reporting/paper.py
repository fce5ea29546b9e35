"""The paper's two tables of accuracies (ViT-B/16, 16 shots, mean of three seeds), as data: paper/*.csv.

table1_base_to_new.csv: base, new and H of six methods on eleven data sets. table2_cross_dataset.csv: accuracy on the
source (imagenet) and ten targets, of prompts trained on the source.
"""
import csv
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

from .names import config_name

FOLDER = Path(__file__).resolve().parent / "paper"
AVERAGE = "average"


@lru_cache
def rows(name):
    """{data set or "average": {column: text}} of a CSV, in its order."""
    with open(FOLDER / name, newline="", encoding="utf-8") as file:
        return {row.pop("dataset"): row for row in csv.DictReader(file)}


def number(name, dataset, column):
    text = rows(name).get(config_name(dataset), {}).get(column)
    return Fraction(text) if text else None


def base_to_new(dataset, method, measure):
    """Table I: per cent, for the measure "base", "new" or "H"; None where the paper has no number."""
    return number("table1_base_to_new.csv", dataset, f"{method}_{measure.lower()}")


def cross_dataset(dataset, method):
    """Table II: per cent; None where the paper has no number."""
    return number("table2_cross_dataset.csv", dataset, method)


def averages_are_of(datasets, name):
    """Whether the average row of a CSV is of just these data sets (Table II: its targets)."""
    of_paper = set(rows(name)) - {AVERAGE} - ({"imagenet"} if name.startswith("table2") else set())
    return {config_name(dataset) for dataset in datasets} == of_paper
