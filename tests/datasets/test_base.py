"""What the data sets share: reading and checking files, base and new classes, sentences for what is wrong."""
import json

import pytest
from dassl.data.datasets import DatasetBase
from datasets_on_disk import OnDisk, dataset_config, relative_paths, small_split, write_dataset

from compat.errors import UserError
from datasets.base import data_identity


def test_items_stay_in_the_order_of_the_split_file(tmp_path):
    split = small_split()
    folder = write_dataset(tmp_path, split)
    dataset = OnDisk(dataset_config(tmp_path))
    for part, data in (("train", dataset.train_x), ("val", dataset.val), ("test", dataset.test)):
        assert relative_paths(data, folder) == [path for path, _, _ in split[part]]
    assert list(dataset.classnames) == ["class 0", "class 1", "class 2"]
    assert len(dataset.split_digest) == 64


def test_the_identity_is_of_the_whole_data_set_wherever_it_lies(tmp_path):
    for root in ("here", "there"):
        write_dataset(tmp_path / root, small_split([5, 5, 5, 5]))
    whole = data_identity(OnDisk.read(tmp_path / "here"))
    assert whole["name"] == "OnDisk" and len(whole["split"]) == len(whole["classes"]) == 64
    for options in ({}, {"shots": 1}, {"shots": 1, "seed": 2}, {"subsample": "base"}, {"subsample": "new"}):
        assert data_identity(OnDisk(dataset_config(tmp_path / "there", **options))) == whole


def test_the_identity_follows_paths_labels_and_class_names(tmp_path):
    class Renamed(OnDisk):
        renamed = {"class 0": "cat"}

    folder = write_dataset(tmp_path, small_split())
    before, renamed = data_identity(OnDisk.read(tmp_path)), data_identity(Renamed.read(tmp_path))
    assert renamed["classes"] != before["classes"]
    split = small_split()
    del split["train"][0]
    (folder / OnDisk.split_file).write_text(json.dumps(split))
    after = data_identity(OnDisk.read(tmp_path))
    assert after["split"] != before["split"] and after["classes"] == before["classes"]


def test_a_data_set_of_somebody_else_has_a_name_alone():
    assert data_identity(DatasetBase()) == {"name": "DatasetBase", "split": "", "classes": ""}


def test_classes_with_few_images_are_named(tmp_path, capsys):
    write_dataset(tmp_path, small_split())
    dataset = OnDisk(dataset_config(tmp_path, shots=5))
    assert [item.label for item in dataset.train_x] == [0] * 5 + [1] * 5 + [2] * 2
    assert "fewer than 5 training images, so all are taken: class 2" in capsys.readouterr().out


def test_classes_with_equal_names_stay_two(tmp_path):
    split = small_split([2, 2, 2, 2])
    for entries in split.values():
        for entry in entries:
            entry[2] = "crane"
    write_dataset(tmp_path, split)
    assert OnDisk(dataset_config(tmp_path)).num_classes == 4


def refuses(tmp_path, *words, **options):
    with pytest.raises(UserError) as caught:
        OnDisk(dataset_config(tmp_path, **options))
    sentence = str(caught.value)
    assert caught.value.exit_code == 2
    assert "\n" not in sentence
    for word in words:
        assert word in sentence


@pytest.mark.parametrize("shots", [0, -2])
def test_a_number_of_shots_that_makes_no_sense_is_refused(tmp_path, shots):
    write_dataset(tmp_path, small_split())
    refuses(tmp_path, "DATASET.NUM_SHOTS", str(shots), shots=shots)


def test_an_unknown_half_is_refused(tmp_path):
    write_dataset(tmp_path, small_split())
    refuses(tmp_path, "'novel'", "all, base, new", subsample="novel")


def test_a_half_with_one_class_is_refused(tmp_path):
    write_dataset(tmp_path, small_split())
    assert OnDisk(dataset_config(tmp_path, subsample="base")).num_classes == 2
    refuses(tmp_path, "1 class", "'new'", subsample="new")


def test_a_data_set_with_one_class_is_refused(tmp_path):
    write_dataset(tmp_path, small_split([3]))
    refuses(tmp_path, "1 class", "at least two")


def test_a_missing_root_is_named(tmp_path):
    refuses(tmp_path / "nowhere", "OnDisk", "nowhere", "--root")


def test_a_missing_split_file_is_named(tmp_path):
    folder = write_dataset(tmp_path, small_split())
    (folder / OnDisk.split_file).unlink()
    refuses(tmp_path, OnDisk.split_file, "No such file")


def test_a_missing_image_is_named(tmp_path):
    write_dataset(tmp_path, small_split(), leave_out=["c1/test0.png"])
    refuses(tmp_path, "c1/test0.png", "missing")


@pytest.mark.parametrize("content, word", [
    ("{", "damaged"),
    ("[]", "damaged"),
    ('{"train": [["a.png", 0, "a"]], "val": []}', "no entry 'test'"),
    ('{"train": [["a.png", "0", "a"]], "val": [], "test": []}', "a.png"),
    ('{"train": [], "val": [], "test": []}', "no train image"),
    ('{"train": [["a.png", 0, "a"]], "val": [], "test": []}', "no test image"),
], ids=["no JSON", "no object", "part", "label", "empty", "no test"])
def test_a_damaged_split_file_is_named(tmp_path, content, word):
    folder = write_dataset(tmp_path, small_split())
    (folder / OnDisk.split_file).write_text(content)
    refuses(tmp_path, OnDisk.split_file, word)


def change(part, position, entry):
    split = small_split()
    split[part][position] = entry
    return split


@pytest.mark.parametrize("split, words", [
    (change("val", 0, ["c0/val0.png", 0, "class 1"]), ["label 0", "'class 0'", "'class 1'", "c0/val0.png"]),
    (change("test", 0, ["c9/test0.png", 9, "class 9"]), ["'class 9'", "no training image"]),
    (small_split([3, 0, 3]), ["1 is missing"]),
    (change("train", 0, ["c0/train0.png", -1, "class -1"]), ["-1 is there"]),
], ids=["two names", "unknown class", "gap", "negative"])
def test_labels_and_names_that_do_not_fit_are_refused(tmp_path, split, words):
    folder = write_dataset(tmp_path, small_split())
    (folder / OnDisk.split_file).write_text(json.dumps(split))
    refuses(tmp_path, OnDisk.split_file, *words)
