"""The rows of the ablation table: from the settings in the records, with the step 1 that belongs to each step 2."""
from record_tools import write

from experiments.catalogue import LABELLERS
from experiments.reporting.layouts import LAYOUTS
from experiments.reporting.request import read_request
from experiments.reporting.settings import B, K, defaults

CLIP = "pseudo-labels of CoOp_MAO: by zero-shot CLIP with each data set's template, on plain images"
NOTE = "{} evaluations of runs with other settings of MAO than the default ones are left out"


def step_1(folder, name, correct, **setting):
    write(folder / name, "CoOp_MAO", "base", 1, correct, stage="base", config_digest=name,
          settings={**defaults(), **setting})


def step_2(folder, name, parent, correct, **setting):
    write(folder / name, "CoOp_MAO", "new", 1, correct, stage="new", config_digest=name, parent=parent,
          settings={**defaults(), B: 32, **setting})


def texts(folder):
    (table,) = LAYOUTS["ablation"](read_request([folder]))
    return [[cell.text for cell in row] for row in table.rows], table


def test_settings_of_step_2_share_their_step_1(tmp_path):
    step_1(tmp_path, "one", 800)
    step_2(tmp_path, "two", "one", 600)
    step_2(tmp_path, "base", "one", 610, **{"MAO.PSEUDO_LABELS": "base"})
    rows, table = texts(tmp_path)
    assert rows == [["default", "80.00", "-", "60.00", "68.57"],
                    ["pseudo-labels: base", "80.00", "-", "61.00", "69.22"]]
    assert table.missing == ["Pictograms: CoOp_MAO, default: new after step 1, seed 1",
                             "Pictograms: CoOp_MAO, pseudo-labels: base: new after step 1, seed 1"]


def test_batch_size_of_step_2_is_that_of_its_step_1(tmp_path):
    for batch in (4, 2):
        step_1(tmp_path, f"one_{batch}", 800 + batch, **{B: batch})
        step_2(tmp_path, f"two_{batch}", f"one_{batch}", 600 + batch)
    rows, _ = texts(tmp_path)
    assert [row[:4] for row in rows] == [["default", "80.40", "-", "60.40"], ["B = 2", "80.20", "-", "60.20"]]


def test_records_of_today_name_the_batch_size_of_step_1_in_both_steps(tmp_path):
    for batch in (4, 2):
        step_1(tmp_path, f"one_{batch}", 800 + batch, **{B: batch})
        step_2(tmp_path, f"two_{batch}", f"one_{batch}", 600 + batch, **{B: batch, "MAO.NEW.BATCH_SIZE": 32})
    rows, _ = texts(tmp_path)
    assert [row[:4] for row in rows] == [["default", "80.40", "-", "60.40"], ["B = 2", "80.20", "-", "60.20"]]


def test_older_step_2_whose_step_1_is_not_there_has_the_default_batch_size(tmp_path):
    step_2(tmp_path, "two", "elsewhere", 600)
    rows, _ = texts(tmp_path)
    assert [row[:4] for row in rows] == [["default", "-", "-", "60.00"]]


def test_rows_are_called_by_the_papers_words(tmp_path):
    for key in ("MAO.DDE_BASE", "MAO.REG_BASE"):
        step_1(tmp_path, key, 800, **{key: False})
    step_1(tmp_path, "one", 800)
    for key in ("MAO.DDE_NEW", "MAO.REG_NEW"):
        step_2(tmp_path, key, "one", 600, **{key: False})
    assert [row[0] for row in texts(tmp_path)[0]] == [
        "no DDE-base", "no reg-B", "step 1 only (no DDE-new)", "no reg-N"]


def test_step_1_without_step_2_has_a_row_and_numbers_are_sorted_by_size(tmp_path):
    for count in (16, 2, 4):
        step_1(tmp_path, f"one_{count}", 800 + count, **{K: count})
    rows, table = texts(tmp_path)
    assert [row[:2] for row in rows] == [["K = 2", "80.20"], ["K = 4", "80.40"], ["K = 16", "81.60"]]
    assert table.missing[1] == "Pictograms: CoOp_MAO, K = 4: new after step 1, new, seed 1"


def test_what_all_rows_share_is_said_once(tmp_path):
    for count in (8, 4):
        step_1(tmp_path, f"one_{count}", 800 + count, **{K: count, "MAO.POOL": "fewshot"})
    rows, table = texts(tmp_path)
    assert [row[0] for row in rows] == ["default", "K = 4"]
    assert table.notes == ["CoOp_MAO on Pictograms: all rows with pool: fewshot"]


def test_default_rows_alone_stand_in_the_other_tables(tmp_path):
    step_1(tmp_path, "one", 800)
    step_2(tmp_path, "two", "one", 600)
    step_1(tmp_path, "one_4", 900, **{K: 4})
    step_2(tmp_path, "two_4", "one_4", 700, **{K: 4})
    (table,) = LAYOUTS["table1"](read_request([tmp_path]))
    assert [cell.text for cell in table.rows[0][2:]] == ["80.00", "60.00", "68.57"]
    assert table.notes == [CLIP, NOTE.format(2)]


def test_an_ablation_does_not_stand_in_for_a_seed_without_a_default_run(tmp_path):
    step_1(tmp_path, "one", 800)
    for seed in (1, 2):
        write(tmp_path / f"k_{seed}", "CoOp_MAO", "base", seed, 900, stage="base", config_digest="k",
              settings={**defaults(), K: 4})
    (table,) = LAYOUTS["table1"](read_request([tmp_path]))
    assert table.rows[0][2].text == "80.00"
    assert table.notes == [NOTE.format(2)]


def test_runs_that_all_have_another_setting_are_shown(tmp_path):
    step_1(tmp_path, "one", 800)
    other = {"MAO.PSEUDO_LABELS": "base", "MAO.PSEUDO_VIEW": "train"}
    step_2(tmp_path, "base", "one", 610, **other)
    step_2(tmp_path, "and_k", "one", 620, **other, **{K: 4})
    (table,) = LAYOUTS["table1"](read_request([tmp_path]))
    assert [cell.text for cell in table.rows[0][2:4]] == ["80.00", "61.00"]
    assert table.notes == ["pseudo-labels of CoOp_MAO: by the prompts of step 1, on augmented images", NOTE.format(1)]


def test_a_method_s_own_labeller_is_its_default(tmp_path):
    write(tmp_path / "one", "PromptSRC_MAO", "base", 1, 800, stage="base", config_digest="one", settings=defaults())
    for name in ("base", "clip"):
        write(tmp_path / name, "PromptSRC_MAO", "new", 1, 600, stage="new", config_digest=name,
              parent="one", settings={**defaults(), **LABELLERS[name]})
    assert [row[0] for row in texts(tmp_path)[0]] == ["default", "pseudo-labels: clip, pseudo-label view: test"]


def control(folder, name, parent, correct, seed=1, **setting):
    write(folder / name, "CoOp_MAO", "new", seed, correct, stage="new", config_digest=name, parent=parent,
          settings={**defaults(), K: 2, "MAO.BASE_RUN": "backbone", "OPTIM.MAX_EPOCH": 10, **setting})


def test_control_has_the_base_accuracy_of_the_backbone_s_run_that_it_started_from(tmp_path):
    plain = {"settings": {**defaults(), B: 32, "OPTIM.MAX_EPOCH": 20}}  # train.py knows MAO's keys in every run
    for seed in (1, 2):
        write(tmp_path / "coop", "CoOp", "base", seed, 700 + seed, config_digest=f"coop {seed}", **plain)
        write(tmp_path / "coop_new", "CoOp", "new", seed, 600 + seed, config_digest=f"coop new {seed}",
              parent=f"coop {seed}", **plain)
        control(tmp_path, f"control {seed}", f"coop {seed}", 640 + 3 * seed, seed)
    write(tmp_path / "base", "CoOp_MAO", "base", 1, 710, stage="base", config_digest="base", settings=defaults())
    step_2(tmp_path, "new", "base", 650)
    step_2(tmp_path, "only", "base", 630, **{"MAO.DDE_NEW": False})

    rows, table = texts(tmp_path)
    names = [row[0] for row in rows]
    assert names == ["default", "step 1 only (no DDE-new)", "backbone + step 2 only"]
    assert rows[2] == ["backbone + step 2 only", "70.15 ± 0.07", "60.15 ± 0.07", "64.45 ± 0.21", "67.18"]

    request = read_request([tmp_path])
    (of_auto, differences) = LAYOUTS["auto"](request)
    assert [row[0].text for row in of_auto.rows] == ["CoOp", "CoOp_MAO", "CoOp+step2"]
    assert [cell.text for cell in of_auto.rows[2][3:]] == rows[2][1:]
    assert [[cell.text for cell in row] for row in differences.rows] == [
        ["Pictograms", "CoOp+step2 - CoOp", "0.00 ± 0.00", "0.00 ± 0.00", "+4.30 ± 0.10", "+2.41 ± 0.05"]]
    (table, _) = LAYOUTS["table1"](request)
    assert [row[1].text for row in table.rows] == ["CoOp", "CoOp_MAO", "CoOp+step2"]
    assert [cell.text for cell in table.rows[2][2:]] == ["70.15 ± 0.07", "64.45 ± 0.21", "67.18"]
    asked = read_request([tmp_path], methods=["coop+step2"])
    assert [cell.text for cell in LAYOUTS["table1"](asked)[0].rows[0][1:3]] == ["CoOp+step2", "70.15 ± 0.07"]


def test_control_of_another_labeller_leaves_the_usual_one_alone(tmp_path):
    write(tmp_path / "coop", "CoOp", "base", 1, 700, config_digest="coop")
    control(tmp_path, "clip", "coop", 640)
    control(tmp_path, "base", "coop", 610, **LABELLERS["base"])
    (table,) = LAYOUTS["table1"](read_request([tmp_path]))
    assert [cell.text for cell in table.rows[1][1:4]] == ["CoOp+step2", "70.00", "64.00"]
    assert NOTE.format(1) in table.notes
