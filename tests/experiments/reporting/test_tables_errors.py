"""What a user can get wrong in front of tables.py: one sentence that names it, exit code 2, nothing written."""
import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from record_tools import append_record, write, write_base_to_new, write_cost, write_epochs

from experiments.reporting import chart, report, tables
from experiments.reporting.figures import __main__ as figures

LAYOUTS = ("auto", "table1", "table2", "dg", "few_shot", "ablation", "efficiency")


@pytest.fixture
def folder(tmp_path):
    write_base_to_new(tmp_path / "runs")
    return tmp_path / "runs"


def sentence(arguments, capsys, program=tables):
    """The one line on stderr of a call that fails with exit code 2."""
    assert program.main([str(argument) for argument in arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.startswith("error: ") and printed.err.count("\n") == 1
    return printed.err


@pytest.mark.parametrize("layout", LAYOUTS)
def test_empty_folder_names_the_script_to_run(layout, tmp_path, capsys):
    text = sentence([tmp_path, "--layout", layout, "--output", tmp_path / "table"], capsys)
    assert str(tmp_path) in text and re.search(r"run scripts/\S+\.sh", text)
    assert list(tmp_path.iterdir()) == []


def test_unknown_name_is_answered_with_the_known_ones(folder, capsys):
    text = sentence([folder, "--layout", "table1", "--methods", "CoOp", "KoOp"], capsys)
    assert "'KoOp'" in text and "CoOp_MAO" in text and "PromptSRC" in text
    text = sentence([folder, "--layout", "table1", "--datasets", "imagnet"], capsys)
    assert "'imagnet'" in text and "ImageNet" in text and "Pictograms" in text
    with pytest.raises(SystemExit) as stop:
        tables.main([str(folder), "--layout", "table3"])
    assert stop.value.code == 2 and "table3" in capsys.readouterr().err


def test_names_as_in_configs_or_in_any_case_are_known(folder, capsys):
    write(folder / "mine", "MyMethod", "base", 1, 500, dataset="DescribableTextures")
    assert tables.main([str(folder), "--layout", "table1", "--datasets", "dtd", "pictograms", "--methods", "coop",
                        "mymethod", "--format", "markdown"]) == 0
    printed = capsys.readouterr().out
    assert [line.split("|")[1:3] for line in printed.splitlines() if line.startswith("| ")][1:] == [
        [f" {dataset} ", f" {method} "] for dataset in ("Average of 2", "DTD         ", "Pictograms  ")
        for method in ("CoOp    ", "MyMethod")]
    assert "- Missing: DTD: CoOp, base, seed 1, 2, 3" in printed


def test_bundled_styles_of_the_pictograms_are_targets_of_domain_generalisation_alone(tmp_path, capsys):
    write(tmp_path, "CoOp", "all", 1, 700)
    for dataset in ("PictogramsInverted", "EmojiFood"):
        write(tmp_path / dataset, "CoOp", "all", 1, 600, dataset=dataset, source="Pictograms")
    arguments = [str(tmp_path), "--format", "markdown", "--datasets", "pictograms_inverted"]
    assert tables.main([*arguments, "--layout", "dg"]) == 0
    printed = capsys.readouterr().out
    assert "| Pictograms-Inverted " in printed and "60.00" in printed and "Emoji" not in printed
    assert "no table2 evaluations" in sentence([*arguments, "--layout", "table2"], capsys)


GOOD = b'{"trainer": "CoOp", "dataset": "X", "seed": 1, "shots": 1, "classes": "all", "split": "test", "stage": "", ' \
       b'"epoch": 1, "config_digest": "", "correct": 1, "total": 2'


@pytest.mark.parametrize("line", [
    b"{", b"[1]", b'{"trainer": "CoOp"}', b"\xff", b"null", GOOD + b', "seed": 2}', GOOD + b', "x": NaN}',
    GOOD + b', "x": -Infinity}', GOOD.replace(b"CoOp", b"Co\xffOp") + b"}", GOOD + b', "x": ' + b"9" * 10 ** 7 + b"}",
    b"[" * 10 ** 6, GOOD + b', "x": ' + b'{"x":' * 10 ** 5 + b"0" + b"}" * 10 ** 5 + b"}"])
def test_corrupt_line_is_named_and_skipped_on_demand(folder, line, capsys):
    path = folder / "coop" / "results.jsonl"
    good = path.read_bytes()
    assert tables.main([str(folder)]) == 0
    expected = capsys.readouterr().out
    path.write_bytes(good + line + b"\n")
    text = sentence([folder], capsys)
    assert f"{str(path)!r}, line 7 " in text
    assert tables.main([str(folder), "--skip-bad"]) == 0
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize("changes", [{"correct": 1001}, {"correct": -1}, {"total": 0, "correct": 0}, {"correct": 1.5},
                                     {"shots": "16"}, {"epoch": None}, {"settings": [1]}, {"correct": True},
                                     {"epoch": -1}, {"total": 10 ** 30}, {"shots": 10 ** 400}, {"classes": "most"},
                                     {"stage": "both"}, {"settings": {"MAO.TOPK": "8"}},
                                     {"settings": {"MAO.TOPK": [8]}}, {"settings": {"x": {"x": {"x": 1}}}},
                                     {"settings": {"x": float("1e300")}},
                                     {"trainer": "\x1b[2JCoOp"}, {"trainer": "x" * 10 ** 6}, {"dataset": "a\nb"},
                                     {"dataset": "\ud800"}, {"label": "\u202egnp"}, {"versions": {"\x1b[2J": "1"}},
                                     {"date": "\x00"}, {"mixed": ["mine"]}])
def test_line_with_impossible_values_is_named(folder, changes, capsys):
    write(folder / "coop", **{"trainer": "CoOp", "classes": "base", "seed": 4, "correct": 500, **changes})
    text = sentence([folder], capsys)
    assert f"{str(folder / 'coop' / 'results.jsonl')!r}, line 7 has " in text
    assert any(key.replace("label", "dataset") in text or key == "settings" and "MAO.TOPK" in text for key in changes)
    assert len(text) < 500 and text[:-1].isprintable()
    assert tables.main([str(folder), "--skip-bad"]) == 0


@pytest.mark.parametrize("path", ["nowhere", "", "x" * 300])
def test_missing_path_is_named(path, tmp_path, capsys):
    assert f"{path!r} does not exist" in sentence([path], capsys)


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("nowhere"),
                                  lambda path: path.symlink_to(path), lambda path: path.symlink_to("/dev/zero")])
def test_records_that_are_no_file_are_named_at_once(make, folder, capsys):
    path = folder / "odd" / "results.jsonl"
    path.parent.mkdir()
    make(path)
    assert f"cannot read {str(path)!r}" in sentence([folder], capsys)


def test_folder_that_cannot_be_read_is_named(folder, capsys, monkeypatch):
    scandir = os.scandir

    def closed(path):
        if str(path) == str(folder / "coop"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    assert f"cannot read {str(folder / 'coop')!r} (Permission denied)" in sentence([folder], capsys)


def test_folders_too_deep_for_a_search_are_named(folder, capsys, monkeypatch):
    def too_deep(*_, **__):
        raise RecursionError

    monkeypatch.setattr(os, "walk", too_deep)
    assert f"cannot read {str(folder)!r} (folders too deep)" in sentence([folder], capsys)


def test_a_file_given_by_two_paths_counts_once(folder, tmp_path, capsys):
    (tmp_path / "link").symlink_to(folder)
    assert tables.main([str(folder), str(folder / "coop" / ".."), str(tmp_path / "link")]) == 0


@pytest.mark.parametrize("layout", ["auto", "table1"])
def test_two_folders_with_results_for_one_cell_are_named(folder, layout, capsys):
    write(folder / "again", "CoOp", "new", 1, 630)
    text = sentence([folder, "--layout", layout], capsys)
    assert str(folder / "coop" / "results.jsonl") in text and str(folder / "again" / "results.jsonl") in text
    assert "CoOp on Pictograms, new classes, 16 shots, seed 1" in text


def test_two_configurations_in_one_file_are_an_error(folder, capsys):
    write(folder / "coop", "CoOp", "new", 1, 630, config_digest="other")
    text = sentence([folder], capsys)
    assert text.count("results.jsonl") == 1 and "two configurations" in text


def test_two_runs_on_all_classes_are_named(tmp_path, capsys):
    for name in ("one", "other"):
        write(tmp_path / name, "CoOp", "all", 1, 700, config_digest=name)
    text = sentence([tmp_path, "--layout", "few_shot"], capsys)
    assert str(tmp_path / "one") in text and str(tmp_path / "other") in text


def test_zero_shot_of_several_seeds_is_no_conflict(folder, capsys):
    assert tables.main([str(folder), "--layout", "table1", "--format", "csv"]) == 0
    assert "ZeroshotCLIP,base,70.0,,,,1 2 3,700/1000 700/1000 700/1000" in capsys.readouterr().out


def test_several_shots_without_the_papers_ask_for_a_choice(tmp_path, capsys):
    for shots in (4, 8):
        write(tmp_path / str(shots), "CoOp", "base", 1, 600 + shots, shots=shots)
        write(tmp_path / str(shots), "CoOp", "new", 1, 600, shots=shots)
    assert "4, 8 shots: choose with --shots" in sentence([tmp_path, "--layout", "table1"], capsys)
    assert tables.main([str(tmp_path), "--layout", "table1", "--shots", "8"]) == 0
    assert "60.80" in capsys.readouterr().out
    assert "--shots 2: " in sentence([tmp_path, "--layout", "table1", "--shots", "2"], capsys)


def test_output_that_cannot_be_written_is_named(folder, capsys):
    text = sentence([folder, "--output", folder / "coop" / "results.jsonl" / "table.md"], capsys)
    assert "table.md" in text and "--output" in text


@pytest.mark.parametrize("program", [tables, chart, report, figures])
def test_output_never_replaces_records_devices_or_folders(program, folder, tmp_path, capsys):
    records = folder / "coop" / "results.jsonl"
    mine = tmp_path / "mine.jsonl"
    before = records.read_bytes()
    mine.write_bytes(before)
    assert "would replace" in sentence([folder, "--output", records], capsys, program)
    assert "would replace" in sentence([mine, "--output", tmp_path / "runs" / ".." / "mine.jsonl"], capsys, program)
    if program is not figures:  # whose output is a folder
        os.mkfifo(tmp_path / "pipe")
        for path in (tmp_path / "pipe", folder):
            assert "not a regular file" in sentence([folder, "--output", path], capsys, program)
    assert records.read_bytes() == mine.read_bytes() == before


@pytest.mark.parametrize("program", [tables, chart, report, figures])
def test_two_outputs_and_empty_lists_are_refused(program, folder, tmp_path, capsys):
    for arguments in (["--output", "a", "--output", "b"], ["--methods"], ["--datasets"], ["--shots", "two"]):
        with pytest.raises(SystemExit) as stop:
            program.main([str(folder), *arguments])
        assert stop.value.code == 2 and arguments[0] in capsys.readouterr().err
    assert "cannot write" in sentence([folder, "--output", ""], capsys, program) if program is not figures else True


def test_bad_records_of_training_and_cost_are_named(tmp_path, capsys):
    write_epochs(tmp_path / "epochs", "CoOp", [1.0])
    append_record(tmp_path / "epochs", {**last_line(tmp_path / "epochs" / "training.jsonl"), "epoch": "two"},
                  "training.jsonl")
    text = sentence([tmp_path / "epochs", "--output", tmp_path / "figures"], capsys, figures)
    assert "training.jsonl', line 2 has epoch 'two'" in text
    write_cost(tmp_path / "cost", "CoOp", 50, 0.1, peak_memory_mb="much")
    text = sentence([tmp_path / "cost", "--layout", "efficiency"], capsys)
    assert "efficiency.jsonl', line 1 has peak_memory_mb 'much'" in text
    assert not (tmp_path / "figures").exists()


def last_line(path):
    return json.loads(path.read_text().splitlines()[-1])


def test_names_cannot_break_a_table_or_run_as_formulas(tmp_path, capsys):
    names = ["a|b", "_x_", "\\input{x}", "-1\\input{x}", "$x$", "=1+1", "@SUM(A1)", "-cmd", "<b>*", "{}%&#~^"]
    for name in names:
        write(tmp_path, name, "base", 1, 500, dataset="$\\frac{")
    printed = {}
    for form in ("markdown", "latex", "csv"):
        assert tables.main([str(tmp_path), "--layout", "table1", "--format", form]) == 0
        printed[form] = capsys.readouterr().out
    rows = [line for line in printed["markdown"].splitlines() if line.startswith("|")]
    assert len(rows) == 12 and {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {6}
    assert all(text in printed["markdown"] for text in ("\\_x\\_", "\\<b\\>\\*"))
    assert not any("\\input" in line for line in printed["latex"].splitlines() if line[0:1] != "%")
    assert r"\textbackslash{}input\{x\}" in printed["latex"]
    found = [line["method"] for line in csv.DictReader(printed["csv"].splitlines()) if line["measure"] == "base"]
    assert sorted(found) == sorted(f"'{name}" if name[0] in "=@-" else name for name in names)
    for program in (chart, figures, report):  # $ is no mathematics, < is no tag
        assert program.main([str(tmp_path), "--output", str(tmp_path / "made" / program.__name__)]) == 0


def test_output_of_a_terminal_without_the_signs_is_no_traceback(folder, repository):
    run = subprocess.run([sys.executable, str(repository / "scripts" / "tables.py"), str(folder)], capture_output=True,
                         env={**os.environ, "PYTHONIOENCODING": "ascii"}, text=True)
    assert run.returncode == 0 and "81.10 ? 1.01" in run.stdout
