"""The default tables from records: numbers, missing cells, which records count."""
import subprocess
import sys

import pytest
from record_tools import write, write_base_to_new

from experiments.reporting.auto import rows_by_dataset
from experiments.reporting.layouts import LAYOUTS
from experiments.reporting.numbers import percent
from experiments.reporting.records import BASE, NEW, NEW_AFTER_BASE
from experiments.reporting.request import read_request
from experiments.reporting.text import render


@pytest.fixture
def folder(tmp_path):
    write_base_to_new(tmp_path / "runs")
    return tmp_path / "runs"


EXPECTED = """\
Pictograms: accuracy in per cent, mean ± standard deviation over seeds

| method       |   shots |   seeds |         base |   new after step 1 |          new |     H |
|:-------------|--------:|--------:|-------------:|-------------------:|-------------:|------:|
| ZeroshotCLIP |       0 |   1 2 3 |        70.00 |                    |        65.00 | 67.41 |
| CoOp         |      16 |   1 2 3 | 81.10 ± 1.01 |                    | 60.70 ± 1.13 | 69.43 |
| CoOp_MAO     |      16 |   1 2 3 | 81.20 ± 1.01 |       62.70 ± 1.13 | 69.70 ± 1.13 | 75.01 |

Difference to the backbone in percentage points: mean ± standard error over the seeds of both, paired; H of each seed

| data set   | method          |         base |   new after step 1 |          new |            H |
|:-----------|:----------------|-------------:|-------------------:|-------------:|-------------:|
| Pictograms | CoOp_MAO - CoOp | +0.10 ± 0.00 |       +2.00 ± 0.00 | +9.00 ± 0.00 | +5.58 ± 0.03 |"""


def text_of(folder, form="markdown"):
    return render(LAYOUTS["auto"](read_request([folder])), form)


def rows_in(folder):
    return rows_by_dataset(read_request([folder]))[0]


def test_default_table_shows_both_steps_of_mao(folder):
    assert text_of(folder) == EXPECTED


def test_terminal_table_holds_the_same_numbers(folder):
    text = text_of(folder, "terminal")
    for line in [line for line in EXPECTED.splitlines() if line.startswith(("| Z", "| C", "| P"))]:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert any(all(cell in row for cell in cells) for row in text.splitlines())


def test_accuracies_are_not_rounded_before_the_mean(tmp_path):
    for seed, correct in enumerate((1, 1, 2), start=1):
        write(tmp_path, "CoOp", "base", seed, correct, total=3)
    (row,) = rows_in(tmp_path)["Pictograms"]
    assert row.numbers[BASE].mean * 9 == 400
    assert row.numbers[BASE].deviation == pytest.approx(100 / 3 / 3 ** 0.5, abs=1e-12)


def test_missing_cells_are_dashes_and_named(tmp_path):
    for seed in (1, 2):
        write(tmp_path, "CoOp", "base", seed, 800)
    write(tmp_path, "CoOp", "new", 1, 600)
    write(tmp_path, "CoOp_MAO", "base", 1, 800, stage="base")
    text = text_of(tmp_path)
    (row,) = [line for line in text.splitlines() if line.startswith("| CoOp_MAO")]
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        "CoOp_MAO", "16", "1", "80.00 (1 seed)", "-", "-", "-"]
    assert [line for line in text.splitlines() if line.startswith("- Missing")] == [
        "- Missing: Pictograms: CoOp, new, seed 2",
        "- Missing: Pictograms: CoOp_MAO, base, seed 2",
        "- Missing: Pictograms: CoOp_MAO, new after step 1, seed 1, 2",
        "- Missing: Pictograms: CoOp_MAO, new, seed 1, 2"]


def test_only_the_asked_split_and_halves_count(folder):
    before = text_of(folder)
    write(folder, "CoOp", "base", 1, 1, split="val")
    write(folder, "CoOp", "all", 1, 1)
    assert text_of(folder) == before


def test_prompts_of_another_data_set_are_no_row(folder):
    before = text_of(folder)
    write(folder / "elsewhere", "CoOp", "base", 1, 1, source="ImageNet")
    assert text_of(folder) == before


def test_shots_and_data_sets_are_kept_apart(folder):
    write(folder / "shots_4", "CoOp", "base", 1, 500, shots=4)
    write(folder / "eurosat", "CoOp", "base", 1, 400, dataset="EuroSAT")
    by_dataset = rows_in(folder)
    assert list(by_dataset) == ["EuroSAT", "Pictograms"]
    assert [(row.method, row.shots) for row in by_dataset["Pictograms"]] == [
        ("ZeroshotCLIP", 0), ("CoOp", 4), ("CoOp", 16), ("CoOp_MAO", 16)]


def test_step_one_and_two_are_told_apart_by_stage(folder):
    mao = rows_in(folder)["Pictograms"][-1]
    assert mao.has_steps
    by_seed = {column: {seed: float(percent(*pair)) for seed, pair in number.counts.items()}
               for column, number in mao.numbers.items()}
    assert by_seed[NEW_AFTER_BASE] == {1: 62, 2: 64, 3: 62.1}
    assert by_seed[NEW] == {1: 69, 2: 71, 3: 69.1}


def test_the_last_of_several_epochs_of_a_run_counts_with_a_note(folder):
    before = text_of(folder)
    write(folder / "coop", "CoOp", "new", 1, 1, epoch=5)
    text = text_of(folder)
    assert text.startswith(before)
    assert text[len(before):].strip() == (
        "- Note: CoOp on Pictograms, new classes, 16 shots, seed 1 has results of several epochs; epoch 20 counts")


def test_command_line_writes_the_table_or_one_sentence(folder, tmp_path, repository):
    output = tmp_path / "made" / "table.md"
    command = [sys.executable, str(repository / "scripts" / "tables.py"), str(folder)]
    subprocess.run([*command, "--format", "markdown", "--output", str(output)], check=True)
    assert output.read_text() == EXPECTED + "\n"
    assert [entry.name for entry in output.parent.iterdir()] == ["table.md"]
    empty = tmp_path / "empty"
    empty.mkdir()
    run = subprocess.run([*command[:2], str(empty)], capture_output=True, text=True)
    assert run.returncode == 2 and run.stderr.startswith("error: no base-to-new evaluations")
    assert run.stderr.count("\n") == 1


def test_tables_are_made_without_torch_and_what_else_takes_long_to_load(repository):
    program = ("import sys, experiments.reporting.tables\n"
               "print(sorted({'torch', 'matplotlib', 'jinja2', 'dassl', 'numpy'} & set(sys.modules)))")
    run = subprocess.run([sys.executable, "-c", program], cwd=repository, capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
