"""The few-shot draw and the base/new split against the recorded ones of the originals."""
import json
import random

import pytest
from datasets_on_disk import OnDisk, dataset_config, relative_paths, write_dataset
from paths import GOLDEN_DIR

from datasets.splits.few_shot import draw_few_shots
from datasets.splits.split_file import read_split

RECORDINGS = sorted(GOLDEN_DIR.glob("fewshot_split_*.json"))
pytestmark = pytest.mark.parametrize("path", RECORDINGS, ids=[path.stem for path in RECORDINGS])


def load(path):
    recording = json.loads(path.read_text())
    return recording, GOLDEN_DIR / recording["split_file"]


def test_draws_are_the_recorded_ones(path):
    recording, split_path = load(path)
    parts = read_split(split_path).parts
    for case in recording["cases"]:
        train, val = draw_few_shots(parts["train"], parts["val"], case["shots"], random.Random(case["seed"]))
        assert [item[0] for item in train] == case["train"], f"seed {case['seed']}, {case['shots']} shots, train"
        assert [item[0] for item in val] == case["val"], f"seed {case['seed']}, {case['shots']} shots, val"
    assert recording["cases"]


def test_a_draw_is_that_of_the_seeded_global_stream(path):
    recording, split_path = load(path)
    parts = read_split(split_path).parts
    case = recording["cases"][-1]
    random.seed(case["seed"])
    train, val = draw_few_shots(parts["train"], parts["val"], case["shots"], random)
    assert [item[0] for item in train] == case["train"]
    assert [item[0] for item in val] == case["val"]


def test_a_data_set_draws_as_recorded_and_leaves_test_alone(path, tmp_path):
    recording, split_path = load(path)
    split = json.loads(split_path.read_text())
    folder = write_dataset(tmp_path, split)
    for case in recording["cases"]:
        for _ in range(2):  # the second time from the saved draw
            dataset = OnDisk(dataset_config(tmp_path, case["shots"], seed=case["seed"]))
            assert relative_paths(dataset.train_x, folder) == case["train"]
            assert relative_paths(dataset.val, folder) == case["val"]
            assert relative_paths(dataset.test, folder) == [item[0] for item in split["test"]]


def test_base_and_new_classes_are_the_recorded_ones(path, tmp_path):
    recording, split_path = load(path)
    folder = write_dataset(tmp_path, json.loads(split_path.read_text()))
    for case in recording["subsampled"]:
        dataset = OnDisk(dataset_config(tmp_path, case["shots"], case["subsample"], case["seed"]))
        assert dataset.num_classes == case["num_classes"]
        assert list(dataset.classnames) == case["classnames"]
        for part, data in (("train", dataset.train_x), ("val", dataset.val), ("test", dataset.test)):
            paths = relative_paths(data, folder)
            found = [[relative, item.label, item.classname] for relative, item in zip(paths, data)]
            assert found == case[part], f"{case['subsample']}, {part}"
    assert recording["subsampled"]
