"""Which results stand in one cell, row and table: what does not belong together is refused, or marked on demand."""
import csv

import pytest
from record_tools import write, write_base_to_new, write_epochs

from experiments.reporting import chart, report, tables
from experiments.reporting.figures import __main__ as figures

SETTINGS = {"OPTIM.LR": 0.0035, "MODEL.BACKBONE.NAME": "ViT-B/16", "TRAINER.COOP.CTX_INIT": ""}
DATA = {"name": "Pictograms", "split": "s1", "classes": "c1"}


def result(folder, method="CoOp", classes="base", seed=1, **changes):
    """A verified record of a run on its own; ``changes``: what another run differs in."""
    settings = {**SETTINGS, "SEED": seed, **changes.pop("settings", {})}
    name = changes.pop("name", f"{method}-{classes}{seed}{changes.get('stage', '')}")
    write(folder / name, method, classes, seed, changes.pop("correct", 700 + seed), **{
        "identity": name, "config_digest": name, "data": DATA, "clip": "clip1", "num_classes": 56,
        "settings": settings, **changes})


def run(folder, *arguments, program=tables):
    return program.main([str(folder), *map(str, arguments)])


def refused(folder, capsys, *arguments, program=tables):
    """The one sentence of a call that is refused."""
    assert run(folder, *arguments, program=program) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1
    assert "do not belong together" in printed.err and "--allow-mixed" in printed.err
    return printed.err


OTHERS = [
    ({"settings": {"OPTIM.LR": 9.0}}, "OPTIM.LR", "0.0035", "9.0"),
    ({"settings": {"MODEL.BACKBONE.NAME": "RN50"}, "clip": "clip2"}, "MODEL.BACKBONE.NAME", "'ViT-B/16'", "'RN50'"),
    ({"settings": {"TRAINER.COOP.CTX_INIT": "a"}}, "TRAINER.COOP.CTX_INIT", "''", "'a'"),
    ({"data": {**DATA, "split": "s2"}}, "data.split", "'s1'", "'s2'"),
    ({"data": {**DATA, "classes": "c2"}}, "data.classes", "'c1'", "'c2'"),
    ({"total": 1116}, "total", "1000", "1116"),
    ({"num_classes": 77}, "num_classes", "56", "77"),
    ({"clip": "clip2"}, "clip", "'clip1'", "'clip2'"),
    ({"arithmetic": 2}, "arithmetic", "1", "2"),
    ({"epoch": 200}, "epoch", "20", "200"),
]


@pytest.mark.parametrize("layout", ["auto", "table1"])
@pytest.mark.parametrize("changes, key, one, other", OTHERS)
def test_seeds_of_a_cell_that_differ_in_more_than_the_seed_are_refused(changes, key, one, other, layout, tmp_path,
                                                                       capsys):
    result(tmp_path, seed=1)
    result(tmp_path, seed=2, **changes)
    text = refused(tmp_path, capsys, "--layout", layout)
    files = [repr(str(tmp_path / f"CoOp-base{seed}" / "results.jsonl")) for seed in (1, 2)]
    assert f"{key} is {one} in {files[0]}, but {other} in {files[1]}" in text


@pytest.mark.parametrize("layout, classes", [("few_shot", "all"), ("ablation", "base")])
def test_seeds_of_a_cell_agree_in_every_layout(layout, classes, tmp_path, capsys):
    method, stage = ("CoOp_MAO", "base") if layout == "ablation" else ("CoOp", "")
    result(tmp_path, method, classes, 1, stage=stage)
    result(tmp_path, method, classes, 2, stage=stage)
    assert run(tmp_path, "--layout", layout) == 0
    capsys.readouterr()
    result(tmp_path, method, classes, 3, stage=stage, settings={"OPTIM.LR": 9.0})
    assert "OPTIM.LR" in refused(tmp_path, capsys, "--layout", layout)


@pytest.mark.parametrize("changes", [
    {"settings": {"OUTPUT_DIR": "elsewhere", "DATASET.ROOT": "/data", "MAO.BASE_DIR": "x", "TRAIN.PRINT_FREQ": 9,
                  "TRAIN.CHECKPOINT_FREQ": 5, "TEST.COMPUTE_CMAT": True}},
    {"settings": {"MODEL.BACKBONE.NAME": "/elsewhere/clip.pt"}},  # CLIP's digest says that it is the same
    {"versions": {"torch": "9"}, "device": "cuda", "engine": "dassl"},
    {"settings": {"NEW.KEY": 1}}, {"num_classes": None}])
def test_what_changes_no_number_or_is_not_known_of_both_is_no_difference(changes, tmp_path, capsys):
    result(tmp_path, seed=1)
    result(tmp_path, seed=2, **changes)
    assert run(tmp_path) == 0
    assert "†" not in capsys.readouterr().out


def test_best_epoch_by_validation_is_each_seeds_own(tmp_path):
    for seed, epoch in ((1, 7), (2, 9)):
        result(tmp_path, seed=seed, epoch=epoch, settings={"TEST.FINAL_MODEL": "best_val"})
    assert run(tmp_path) == 0


def test_older_records_are_compared_by_what_they_have(tmp_path, capsys):
    old = {"identity": "", "origin": "", "data": {}, "clip": "", "arithmetic": None}
    for seed in (1, 2):
        result(tmp_path, seed=seed, split_digest="s1", **old)
    assert run(tmp_path) == 0
    capsys.readouterr()
    result(tmp_path, seed=3, split_digest="s2", **old)
    assert "split_digest" in refused(tmp_path, capsys)


def test_step_2_of_runs_that_stand_on_other_steps_1_is_refused(tmp_path, capsys):
    for seed, rate in ((1, 0.0035), (2, 9.0)):
        result(tmp_path / "one", "CoOp_MAO", "base", seed, stage="base", settings={"OPTIM.LR": rate})
        result(tmp_path / "two", "CoOp_MAO", "new", seed, stage="new", parent=f"CoOp_MAO-base{seed}base")
    text = refused(tmp_path, capsys, "--layout", "table1")
    assert "OPTIM.LR" in text and "9.0" in text


@pytest.mark.parametrize("changes, key", [(changes, key) for changes, key, _, _ in OTHERS
                                          if key not in ("total", "num_classes")])
def test_base_and_new_of_other_runs_give_no_h(changes, key, tmp_path, capsys):
    result(tmp_path, classes="base")
    result(tmp_path, classes="new", total=1500, num_classes=57, parent="CoOp-base1")
    assert run(tmp_path, "--layout", "table1") == 0
    capsys.readouterr()
    result(tmp_path / "maple", "MaPLe", "base")
    result(tmp_path / "maple", "MaPLe", "new", parent="MaPLe-base1", **{"total": 1500, "num_classes": 57, **changes})
    assert f"{key} is " in refused(tmp_path / "maple", capsys, "--layout", "table1")


def test_new_classes_tested_with_another_training_than_base_give_no_h(tmp_path, capsys):
    result(tmp_path, classes="base")
    result(tmp_path, classes="new", parent="another")
    assert "the run that was trained is 'CoOp-base1'" in refused(tmp_path, capsys)
    assert run(tmp_path, "--allow-mixed") == 0


def test_step_2_that_stands_on_another_step_1_than_that_of_base_gives_no_h(tmp_path, capsys):
    result(tmp_path, "CoOp_MAO", "base", stage="base")
    result(tmp_path, "CoOp_MAO", "new", stage="new", parent="another")
    assert "the run that was trained is " in refused(tmp_path, capsys)
    # a step 2 that was tested later, on its own, does not say which step 1 it stood on
    write_epochs(tmp_path, "CoOp_MAO", [1.0], stage="new", identity="another", config_digest="x", classes="new")
    assert run(tmp_path) == 0


@pytest.mark.parametrize("settings", [{"MAO.STAGE": "new", "MAO.BASE_EPOCH": 5}, {"MAO.NEW.LR": 0.1}, {"SEED": 7}])
def test_step_2_may_have_settings_of_its_own(settings, tmp_path):
    result(tmp_path, "CoOp_MAO", "base", stage="base", settings={"MAO.NEW.LR": 0.0})
    result(tmp_path, "CoOp_MAO", "new", stage="base", parent="CoOp_MAO-base1base", epoch=20)
    result(tmp_path, "CoOp_MAO", "new", stage="new", parent="CoOp_MAO-base1base", epoch=5, settings=settings)
    assert run(tmp_path) == run(tmp_path, "--layout", "ablation") == 0


@pytest.mark.parametrize("changes", [{"data": {**DATA, "split": "s2"}}, {"total": 1116}, {"num_classes": 77},
                                     {"clip": "clip2"}])
def test_methods_of_a_table_were_tested_on_the_same(changes, tmp_path, capsys):
    result(tmp_path, "CoOp")
    result(tmp_path, "MaPLe", settings={"OPTIM.LR": 9.0})  # each has settings of its own
    assert run(tmp_path) == 0
    capsys.readouterr()
    result(tmp_path, "PromptSRC", **changes)
    for program in (tables, chart, figures, report):
        output = tmp_path / "made" / "output"
        assert next(iter(changes)) in refused(tmp_path, capsys, "--output", output, program=program)
        assert not output.parent.exists()
    assert run(tmp_path, "--methods", "CoOp", "MaPLe") == 0


def test_only_data_sets_that_are_asked_for_have_to_agree(tmp_path):
    result(tmp_path, seed=1)
    for seed, rate in ((1, 1.0), (2, 2.0)):
        result(tmp_path / "dtd", seed=seed, dataset="DescribableTextures", settings={"OPTIM.LR": rate})
    for layout in ("auto", "table1"):
        assert run(tmp_path, "--layout", layout) == 2
        assert run(tmp_path, "--layout", layout, "--datasets", "pictograms") == 0


def test_source_and_targets_are_of_one_training(tmp_path, capsys):
    result(tmp_path, classes="all", settings={"DATASET.NAME": "Pictograms"})
    target = {"dataset": "EmojiFood", "source": "Pictograms", "parent": "CoOp-all1",
              "data": {"name": "EmojiFood", "split": "s2", "classes": "c2"}, "num_classes": 8,
              "settings": {"DATASET.NAME": "EmojiFood"}}
    result(tmp_path / "food", classes="all", total=800, name="food", **target)
    assert run(tmp_path, "--layout", "table2") == 0
    capsys.readouterr()
    target["settings"] = {"DATASET.NAME": "EmojiObjects", "OPTIM.LR": 9.0}
    result(tmp_path / "objects", classes="all", total=800, name="objects", **{**target, "dataset": "EmojiObjects"})
    assert "OPTIM.LR" in refused(tmp_path, capsys, "--layout", "table2")


@pytest.mark.parametrize("form, mark", [("terminal", "70.15 ± 0.07†"), ("markdown", "70.15 ± 0.07†"),
                                        ("latex", "70.15 $\\pm$ 0.07$\\dagger$")])
def test_mixed_results_are_marked_on_demand_with_the_sentence_below(form, mark, tmp_path, capsys):
    for seed in (1, 2):
        result(tmp_path, seed=seed, settings={"OPTIM.LR": float(seed)})
        result(tmp_path, classes="new", seed=seed)
    assert run(tmp_path, "--layout", "table1", "--allow-mixed", "--format", form) == 0
    printed = capsys.readouterr().out
    row = next(line for line in printed.splitlines() if mark in line)
    assert row.count(mark[-1]) >= 2  # H of it, too
    assert any("Note: † " in line and "OPTIM.LR is 1.0 in " in line for line in printed.splitlines())


def test_csv_says_in_a_column_what_is_marked(tmp_path, capsys):
    write_base_to_new(tmp_path / "fine")
    assert run(tmp_path / "fine", "--format", "csv") == 0
    assert "marks" not in capsys.readouterr().out
    result(tmp_path / "mixed", seed=1)
    result(tmp_path / "mixed", seed=2, settings={"OPTIM.LR": 9.0}, origin="unverified")
    result(tmp_path / "mixed", classes="new", seed=1)
    assert run(tmp_path / "mixed", "--format", "csv", "--allow-mixed") == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    base, new, h = (row["marks"] for row in rows)
    assert base.startswith("† ") and "OPTIM.LR is 0.0035" in base and "; ‡ unverified" in base
    assert new == "1 seed" and h.startswith("1 seed; † ") and float(rows[2]["mean"]) > 70


@pytest.mark.parametrize("changes", [{"identity": ""}, {"origin": "unverified"}, {"origin": ""}])
def test_unverified_results_are_marked_and_so_are_numbers_made_of_them(changes, tmp_path, capsys):
    for dataset in ("Pictograms", "Caltech101"):
        result(tmp_path / dataset, dataset=dataset)
        result(tmp_path / dataset, classes="new", dataset=dataset, **(changes if dataset == "Pictograms" else {}))
    assert run(tmp_path, "--layout", "table1", "--format", "markdown") == 0
    printed = capsys.readouterr().out
    marked = {line.split("|")[1].strip(): line.count("‡") for line in printed.splitlines() if line.startswith("| ")}
    assert marked == {"data set": 0, "Average of 2": 2, "Caltech101": 0, "Pictograms": 2}
    assert printed.count("- Note: ‡ unverified: ") == 1


def test_fewer_seeds_than_other_cells_are_said_in_the_cell(tmp_path, capsys):
    for seed in (1, 2, 3):
        result(tmp_path, seed=seed)
        result(tmp_path, "MaPLe", seed=seed)
        if seed < 3:
            result(tmp_path, classes="new", seed=seed)
            result(tmp_path, "MaPLe", "new", seed=seed, total=999 + 1)
    result(tmp_path, "ZeroshotCLIP", epoch=0, shots=-1, source="")
    assert run(tmp_path, "--format", "markdown") == 0
    printed = capsys.readouterr().out
    assert printed.count("70.15 ± 0.07 (2 seeds)") == 2 and printed.count("(2 seeds)") == 4  # new and H of two methods
    assert "70.20 ± 0.10 |" in printed and "(1 seed)" not in printed
    assert printed.endswith("- Note: (n seeds): from fewer seeds than other numbers of the table\n")


def test_figures_carry_the_marks_and_the_sentence(tmp_path, capsys):
    for seed in (1, 2):
        for method in ("CoOp", "CoOp_MAO"):
            stage = "base" if method == "CoOp_MAO" else ""
            for classes in ("base", "new"):
                step = "new" if stage and classes == "new" else stage
                result(tmp_path, method, classes, seed, stage=step, settings={"OPTIM.LR": float(seed)})
        write_epochs(tmp_path / "epochs", "CoOp", [2.0, 1.0], seed=seed, config_digest=f"CoOp-base{seed}")
    for name in ("bars", "gain", "plane", "training"):
        refused(tmp_path, capsys, "--figures", name, "--output", tmp_path / "made", program=figures)
    assert run(tmp_path, "--allow-mixed", "--output", tmp_path / "made", program=figures) == 0
    assert run(tmp_path, "--allow-mixed", "--output", tmp_path / "page.html", program=report) == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("OPTIM.LR is 1.0") >= 6  # below the tables and in the captions of gain, plane and curves
    assert "70.15 ± 0.07†" in page


def test_own_data_sets_have_rows_under_their_own_names(tmp_path, capsys):
    for label, split in (("birds", "s1"), ("Caltech101", "s2")):
        result(tmp_path / label, dataset="ImageFolder", label=label, source=label, data={"split": split})
    result(tmp_path / "on birds", classes="all", dataset="ImageFolder", label="birds", source="fish", name="fish")
    assert run(tmp_path, "--layout", "table1", "--format", "markdown") == 0
    printed = capsys.readouterr().out
    names = [line.split("|")[1].strip() for line in printed.splitlines() if line.startswith("| ")][2:]
    assert names == ["Caltech101 (ImageFolder)", "birds"]
    assert "97.55" not in printed  # the paper's number for Caltech101
    assert run(tmp_path, "--layout", "table1", "--datasets", "Birds") == 0
    assert run(tmp_path, "--layout", "few_shot") == 2  # prompts of fish are no few-shot result of birds


def test_own_data_sets_of_older_records_without_names_are_not_averaged(tmp_path, capsys):
    for seed in (1, 2):
        result(tmp_path, seed=seed, dataset="ImageFolder", data={"split": f"s{seed}"})
    assert "data.split" in refused(tmp_path, capsys)
