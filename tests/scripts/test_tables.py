"""Tables and chart from records: numbers, missing cells, what counts where records compete."""
import subprocess
import sys

import pytest
from PIL import Image

from results import append_record, read_records
from scripts import chart, tables
from scripts.base_to_new import BASE, NEW, NEW_AFTER_BASE, methods_by_dataset

TOTAL = 1000


def write(folder, trainer, classes, seed, correct, **changes):
    append_record(folder, {
        "trainer": trainer, "dataset": "Pictograms", "seed": seed, "shots": 16, "classes": classes, "split": "test",
        "stage": "", "epoch": 20, "config_digest": classes, "correct": correct, "total": TOTAL, "accuracy": 0.0,
        **changes})


@pytest.fixture
def folder(tmp_path):
    for seed, (base, new) in enumerate([(800, 600), (820, 620), (813, 601)], start=1):
        write(tmp_path, "ZeroshotCLIP", "base", seed, 700, epoch=0, shots=-1)
        write(tmp_path, "ZeroshotCLIP", "new", seed, 650, epoch=0, shots=-1)
        write(tmp_path, "CoOp", "base", seed, base)
        write(tmp_path, "CoOp", "new", seed, new)
        write(tmp_path, "CoOp_MAO", "base", seed, base + 1, stage="base")
        write(tmp_path, "CoOp_MAO", "new", seed, new + 20, stage="base")
        write(tmp_path, "CoOp_MAO", "new", seed, new + 90, stage="new")
    return tmp_path


EXPECTED = """\
Pictograms: accuracy in per cent, mean ± standard deviation over seeds

| method       |   shots |   seeds |         base |   new after step 1 |          new |     H |
|--------------|---------|---------|--------------|--------------------|--------------|-------|
| ZeroshotCLIP |       0 |   1 2 3 |        70.00 |                    |        65.00 | 67.41 |
| CoOp         |      16 |   1 2 3 | 81.10 ± 1.01 |                    | 60.70 ± 1.13 | 69.43 |
| CoOp_MAO     |      16 |   1 2 3 | 81.20 ± 1.01 |       62.70 ± 1.13 | 69.70 ± 1.13 | 75.01 |"""


def test_table(folder):
    assert tables.report(read_records([folder]), "markdown") == EXPECTED


def test_terminal_table_holds_the_same_numbers(folder):
    text = tables.report(read_records([folder]), "terminal")
    for line in EXPECTED.splitlines()[4:]:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert any(all(cell in row for cell in cells) for row in text.splitlines())


def test_accuracies_are_not_rounded_before_the_mean(tmp_path):
    for seed, correct in enumerate((1, 1, 2), start=1):
        write(tmp_path, "CoOp", "base", seed, correct, total=3)
    (method,) = methods_by_dataset(read_records([tmp_path]))[0]["Pictograms"]
    assert method.mean(BASE) == pytest.approx(100 * 4 / 9, abs=1e-12)
    assert method.deviation(BASE) == pytest.approx(100 / 3 / 3 ** 0.5, abs=1e-12)


def test_missing_cells_are_dashes_and_named(tmp_path):
    for seed in (1, 2):
        write(tmp_path, "CoOp", "base", seed, 800)
    write(tmp_path, "CoOp", "new", 1, 600)
    write(tmp_path, "CoOp_MAO", "base", 1, 800, stage="base")
    text = tables.report(read_records([tmp_path]), "markdown")
    (row,) = [line for line in text.splitlines() if line.startswith("| CoOp_MAO")]
    assert [cell.strip() for cell in row.strip("|").split("|")] == ["CoOp_MAO", "16", "1", "80.00", "-", "-", "-"]
    assert [line for line in text.splitlines() if line.startswith("- Missing")] == [
        "- Missing: Pictograms: CoOp, new, seed 2",
        "- Missing: Pictograms: CoOp_MAO, base, seed 2",
        "- Missing: Pictograms: CoOp_MAO, new after step 1, seed 1, 2",
        "- Missing: Pictograms: CoOp_MAO, new, seed 1, 2"]


def test_only_the_asked_split_and_halves_count(folder):
    before = tables.report(read_records([folder]), "markdown")
    write(folder, "CoOp", "base", 1, 1, split="val")
    write(folder, "CoOp", "all", 1, 1)
    assert tables.report(read_records([folder]), "markdown") == before


def test_later_configuration_stands_with_a_note(folder):
    write(folder, "CoOp", "new", 1, 630, config_digest="other")
    records = read_records([folder])
    methods, notes = methods_by_dataset(records)
    assert [row.accuracy[NEW][1] for row in methods["Pictograms"] if row.trainer == "CoOp"] == [63.0]
    assert len(notes) == 1 and "seed 1" in notes[0] and str(folder) in notes[0]
    assert "- Note: " in tables.report(records, "terminal")


def test_shots_and_data_sets_are_kept_apart(folder):
    write(folder, "CoOp", "base", 1, 500, shots=4)
    write(folder, "CoOp", "base", 1, 400, dataset="EuroSAT")
    by_dataset, _ = methods_by_dataset(read_records([folder]))
    assert list(by_dataset) == ["EuroSAT", "Pictograms"]
    assert [(row.trainer, row.shots) for row in by_dataset["Pictograms"]] == [
        ("ZeroshotCLIP", "0"), ("CoOp", "4"), ("CoOp", "16"), ("CoOp_MAO", "16")]


def test_step_one_and_two_are_told_apart_by_stage(folder):
    by_dataset, _ = methods_by_dataset(read_records([folder]))
    mao = by_dataset["Pictograms"][-1]
    assert mao.has_steps
    assert mao.accuracy[NEW_AFTER_BASE] == {1: 62.0, 2: 64.0, 3: 62.1}
    assert mao.accuracy[NEW] == {1: 69.0, 2: 71.0, 3: 69.1}


def test_command_line(folder, tmp_path, repository):
    output = tmp_path / "made" / "table.md"
    command = [sys.executable, str(repository / "scripts" / "tables.py"), str(folder)]
    subprocess.run([*command, "--format", "markdown", "--output", str(output)], check=True)
    assert output.read_text() == EXPECTED + "\n"
    empty = tmp_path / "empty"
    empty.mkdir()
    run = subprocess.run([*command[:2], str(empty)], capture_output=True, text=True)
    assert run.returncode == 2 and run.stderr.startswith("error: no base-to-new evaluations")
    assert run.stderr.count("\n") == 1


def test_chart_is_a_png_with_a_bar_for_each_accuracy(folder, tmp_path):
    by_dataset, _ = methods_by_dataset(read_records([folder]))
    assert [len(chart.bars(method)) for method in by_dataset["Pictograms"]] == [3, 3, 4]
    assert chart.bars(by_dataset["Pictograms"][1])[0] == (BASE, pytest.approx(81.1), pytest.approx(1.0149, abs=1e-4))
    path = tmp_path / "made" / "chart.png"
    assert chart.main([str(folder), "--output", str(path)]) == 0
    with Image.open(path) as image:
        assert image.format == "PNG" and min(image.size) > 300
        assert len(image.convert("RGB").getcolors(1 << 20)) > 10
    assert [entry.name for entry in path.parent.iterdir()] == ["chart.png"]
