"""Confusion matrices of runs: the file, the tables, the figure, the page, and bad files."""
import contextlib
import csv
import io
import json

import numpy as np
import pytest
from PIL import Image
from small_run import call, make_room, words

from compat.errors import UserError
from experiments.reporting import report
from experiments.reporting.confusion import class_table, find, main, pair_table
from runs.confusion import counted, read_confusion, write_confusion

NAMES = ["cat", "dog", "sea, lion", "emu", "=1+1"]
TRUE = [0] * 6 + [1] * 4 + [2] * 3 + [3]
PREDICTED = [0, 0, 0, 1, 1, 2] + [1, 1, 1, 0] + [0, 0, 0] + [3]


@pytest.fixture
def folder(tmp_path):
    write_confusion(tmp_path / "run" / "confusion_test.csv", counted(TRUE, PREDICTED, NAMES))
    return tmp_path / "run"


def test_all_classes_are_in_the_matrix(folder):
    confusion = read_confusion(folder / "confusion_test.csv")
    assert confusion.names == NAMES
    assert confusion.counts.tolist() == [[3, 2, 1, 0, 0], [1, 3, 0, 0, 0], [3, 0, 0, 0, 0], [0, 0, 0, 1, 0], [0] * 5]


def test_classes_and_pairs(folder):
    [one] = find([folder])
    rows = [[cell.text for cell in row] for row in class_table(one).rows]
    assert rows == [["sea, lion", "3", "0", "0.00", "1"], ["cat", "6", "3", "50.00", "4"],
                    ["dog", "4", "3", "75.00", "2"], ["emu", "1", "1", "100.00", "0"], ["=1+1", "0", "0", "-", "0"]]
    assert [row[0].text for row in class_table(one, 2).rows] == ["sea, lion", "cat"]
    pairs = [[cell.text for cell in row] for row in pair_table(one).rows]
    assert pairs == [["sea, lion", "cat", "3", "3"], ["cat", "dog", "2", "6"], ["cat", "sea, lion", "1", "6"],
                     ["dog", "cat", "1", "4"]]
    assert len(pair_table(one, 1).rows) == 1


def test_a_run_leaves_its_matrix_and_the_page_shows_it(tmp_path):
    room = make_room(tmp_path)
    pairs = ["DATASET.SUBSAMPLE_CLASSES", "all", "TEST.COMPUTE_CMAT", True]
    assert call(words(room, trainer="ZeroshotCLIP", pairs=pairs)).code == 0
    record = json.loads((room / "out" / "results.jsonl").read_text())
    confusion = read_confusion(room / "out" / "confusion_test.csv")
    assert confusion.names == ["blue", "green", "red", "white"]
    assert (confusion.counts.sum(), confusion.counts.trace()) == (record["total"], record["correct"])
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main([str(room), "--output", str(room / "confused"), "--pairs", "3"]) == 0
        assert report.main([str(room / "out"), "--output", str(room / "report.html")]) == 0
    assert "Accuracy per class" in printed.getvalue() and "ZeroshotCLIP on images, test images" in printed.getvalue()
    files = {path.name.split("-")[0] + path.suffix: path for path in (room / "confused").iterdir()}
    assert set(files) == {"classes.csv", "pairs.csv", "confusion.png", "confusion.svg"}
    with Image.open(files["confusion.png"]) as image:
        assert len(np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)) > 50
    accuracies = [float(row["accuracy"]) for row in csv.DictReader(files["classes.csv"].open())]
    assert np.mean(accuracies) == pytest.approx(record["accuracy"])  # as many images of each class
    page = (room / "report.html").read_text()
    assert "What is confused" in page and "Most confused pairs" in page and "Confusion matrix: ZeroshotCLIP" in page


@pytest.mark.parametrize("text", ["", "a,b\n", "true class \\ predicted class,a\na,x\n",
                                  "true class \\ predicted class,a,b\na,1,2\n",
                                  "true class \\ predicted class,a\na,-1\n", "true class \\ predicted class,a\na,0\n"])
def test_a_file_that_is_no_matrix_is_named(folder, text, capsys):
    (folder / "confusion_test.csv").write_text(text)
    with pytest.raises(UserError, match="confusion_test.csv' is no confusion matrix of a run"):
        find([folder])
    assert main([str(folder)]) == 2 and capsys.readouterr().err.count("error: ") == 1


def test_folders_without_one_are_named(tmp_path, capsys):
    assert main([str(tmp_path)]) == 2 and "test with TEST.COMPUTE_CMAT True first" in capsys.readouterr().err
    assert main([str(tmp_path / "gone")]) == 2 and "is no folder" in capsys.readouterr().err
