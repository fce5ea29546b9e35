"""The paper's own accuracies, fed in as records, regenerate its two tables."""
import csv
import io
from fractions import Fraction

import pytest
from record_tools import write

from experiments.catalogue import DATASETS, METHODS, by_default, display_name
from experiments.reporting import paper
from experiments.reporting.layouts import LAYOUTS
from experiments.reporting.request import read_request
from experiments.reporting.text import render

TRAINED = list(filter(by_default, METHODS))[1:]
REGISTERED = {dataset.config: name for name, dataset in DATASETS.items()}


def counts(percent):
    """"76.41" as 7641 of 10000."""
    return {"correct": int(Fraction(percent) * 100), "total": 10000}


def printed_cells(table):
    """{(group, method, column): text} of a table."""
    return {(row[0].text, row[1].text, head): cell.text for row in table.rows
            for head, cell in zip(table.columns[2:], row[2:])}


def test_papers_accuracies_as_records_give_table_1(tmp_path):
    rows = paper.rows("table1_base_to_new.csv")
    for dataset, row in rows.items():
        for method in TRAINED if dataset != paper.AVERAGE else ():
            for half in ("base", "new"):
                write(tmp_path, method, half, 1, dataset=REGISTERED[dataset], **counts(row[f"{method}_{half}"]),
                      stage=half if method.endswith("_MAO") else "")
    (table,) = LAYOUTS["table1"](read_request([tmp_path]))
    cells = printed_cells(table)
    assert len(table.rows) == 12 * 6 and not table.missing
    for dataset, row in rows.items():
        group = "Average of 11" if dataset == paper.AVERAGE else display_name(REGISTERED[dataset])
        for method in TRAINED:
            assert cells[group, method, "base"] == row[f"{method}_base"]
            assert cells[group, method, "new"] == row[f"{method}_new"]
            difference = Fraction(cells[group, method, "H"]) - Fraction(row[f"{method}_h"])
            assert abs(difference) <= (0 if dataset == paper.AVERAGE else Fraction(1, 100))
    for line in csv.DictReader(io.StringIO(render([table], "csv"))):
        limit = 0.005 if line["measure"] != "H" else 0.015
        assert abs(float(line["difference"])) <= limit


def test_papers_accuracies_as_records_give_table_2(tmp_path):
    rows = paper.rows("table2_cross_dataset.csv")
    for dataset, row in rows.items():
        for method in TRAINED if dataset != paper.AVERAGE else ():
            write(tmp_path, method, "all", 1, dataset=REGISTERED[dataset], source="ImageNet", **counts(row[method]),
                  stage="base" if method.endswith("_MAO") else "")
    (table,) = LAYOUTS["table2"](read_request([tmp_path]))
    cells = printed_cells(table)
    assert [row[0].text for row in table.rows[::6]] == [
        "ImageNet (source)", *(display_name(REGISTERED[name]) for name in list(rows)[2:]), "Average of 10 targets"]
    for dataset, row in rows.items():
        group = {"imagenet": "ImageNet (source)", paper.AVERAGE: "Average of 10 targets"}.get(dataset)
        for method in TRAINED:
            group = group or display_name(REGISTERED[dataset])
            assert cells[group, method, "accuracy"] == cells[group, method, "paper"] == row[method]


@pytest.mark.parametrize("left_out", ["ImageNet", "UCF101"])
def test_no_average_of_the_paper_beside_one_of_other_data_sets(tmp_path, left_out):
    for dataset in list(DATASETS)[:11]:
        for half in ("base", "new") if dataset != left_out else ():
            write(tmp_path, "CoOp", half, 1, 700, dataset=dataset)
    (table,) = LAYOUTS["table1"](read_request([tmp_path]))
    cells = printed_cells(table)
    assert cells["Average of 10", "CoOp", "base"] == "70.00" and cells["Average of 10", "CoOp", "paper"] == ""
    assert cells["Food101", "CoOp", "paper"] != ""
