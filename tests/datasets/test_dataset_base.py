"""What the data sets share: reading and checking files, base and new classes, sentences for what is wrong."""
import json

import pytest
from datasets_on_disk import OnDisk, dataset_config, relative_paths, small_split, write_dataset

from compat.errors import UserError
from datasets.splits.base_new import subsample_classes


def test_whole_data_set_in_the_order_of_the_file(tmp_path):
    split = small_split()
    folder = write_dataset(tmp_path, split)
    dataset = OnDisk(dataset_config(tmp_path))
    for part, data in (("train", dataset.train_x), ("val", dataset.val), ("test", dataset.test)):
        assert relative_paths(data, folder) == [path for path, _, _ in split[part]]
    assert list(dataset.classnames) == ["class 0", "class 1", "class 2"]
    assert len(dataset.split_digest) == 64


def test_classes_with_few_images_are_named(tmp_path, capsys):
    write_dataset(tmp_path, small_split())
    dataset = OnDisk(dataset_config(tmp_path, shots=5))
    assert [item.label for item in dataset.train_x] == [0] * 5 + [1] * 5 + [2] * 2
    assert "fewer than 5 training images, so all are taken: class 2" in capsys.readouterr().out


@pytest.mark.parametrize("n_classes, n_base", [(4, 2), (5, 3), (7, 4)])
def test_base_and_new_classes_share_nothing(n_classes, n_base):
    parts = {part: [tuple(entry) for entry in entries] for part, entries in small_split([2] * n_classes).items()}
    base, new = subsample_classes(parts, "base"), subsample_classes(parts, "new")
    for part in parts:
        assert sorted(name for _, _, name in base[part] + new[part]) == sorted(name for _, _, name in parts[part])
        assert {label for _, label, _ in base[part]} == set(range(n_base))
        assert {label for _, label, _ in new[part]} == set(range(n_classes - n_base))
        assert all(name == f"class {label + n_base}" for _, label, name in new[part])


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
def test_number_of_shots(tmp_path, shots):
    write_dataset(tmp_path, small_split())
    refuses(tmp_path, "DATASET.NUM_SHOTS", str(shots), shots=shots)


def test_unknown_half(tmp_path):
    write_dataset(tmp_path, small_split())
    refuses(tmp_path, "'novel'", "all, base, new", subsample="novel")


def test_half_with_one_class(tmp_path):
    write_dataset(tmp_path, small_split())
    assert OnDisk(dataset_config(tmp_path, subsample="base")).num_classes == 2
    refuses(tmp_path, "1 class", "'new'", subsample="new")


def test_one_class(tmp_path):
    write_dataset(tmp_path, small_split([3]))
    refuses(tmp_path, "1 class", "at least two")


def test_missing_root(tmp_path):
    refuses(tmp_path / "nowhere", "OnDisk", "nowhere", "--root")


def test_missing_split_file(tmp_path):
    folder = write_dataset(tmp_path, small_split())
    (folder / OnDisk.split_file).unlink()
    refuses(tmp_path, OnDisk.split_file, "No such file")


def test_missing_image(tmp_path):
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
def test_damaged_split_file(tmp_path, content, word):
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
def test_labels_and_names_that_do_not_fit(tmp_path, split, words):
    folder = write_dataset(tmp_path, small_split())
    (folder / OnDisk.split_file).write_text(json.dumps(split))
    refuses(tmp_path, OnDisk.split_file, *words)
