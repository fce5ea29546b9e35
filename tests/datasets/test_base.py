"""What the data sets share: reading and checking files, base and new classes, sentences for what is wrong."""
import json
import os
import tracemalloc

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


def test_all_validation_images_can_be_kept_beside_the_same_draw_of_training_images(tmp_path):
    split = small_split(val=6)
    folder = write_dataset(tmp_path, split)
    cfg = dataset_config(tmp_path, shots=2)
    few = OnDisk(cfg)
    assert len(few.val) == 3 * 2
    cfg.DATASET.ALL_VAL = True
    every = OnDisk(cfg)
    assert relative_paths(every.val, folder) == [path for path, _, _ in split["val"]]
    assert relative_paths(every.train_x, folder) == relative_paths(few.train_x, folder)


def test_all_validation_images_of_a_data_set_without_any_are_refused(tmp_path):
    write_dataset(tmp_path, small_split(val=0))
    cfg = dataset_config(tmp_path)
    cfg.DATASET.ALL_VAL = True
    with pytest.raises(UserError, match="DATASET.ALL_VAL is True, but OnDisk has no validation images"):
        OnDisk(cfg)


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
    ('{"train": {}, "val": [], "test": []}', "no list of images"),
    ('{"train": "abc", "val": [], "test": []}', "no list of images"),
    ('{"train": [], "train": [], "val": [], "test": []}', "a part twice"),
    ("[" * 100_000, "damaged"),
    ('{"train": [["a.png", ' + "9" * 5000 + ', "a"]], "val": [], "test": []}', "damaged"),
    ("\ufeff" * 3, "damaged"),
], ids=["no JSON", "no object", "part", "label", "empty", "no test", "a dict", "a string", "twice", "deep", "digits",
        "marks"])
def test_a_damaged_split_file_is_named(tmp_path, content, word):
    folder = write_dataset(tmp_path, small_split())
    (folder / OnDisk.split_file).write_text(content)
    refuses(tmp_path, OnDisk.split_file, word)


@pytest.mark.parametrize("label", [1.0, True, None, "1", [1], {}, float("nan"), 20_000_000, 10**30, -10**30, 7, 1000])
def test_labels_are_numbers_from_0_without_a_gap_before_anything_is_made_of_them(tmp_path, label):
    folder = write_dataset(tmp_path, small_split())
    (folder / OnDisk.split_file).write_text(json.dumps(change("train", 0, ["c0/train0.png", label, "class 9"])))
    tracemalloc.start()
    refuses(tmp_path, OnDisk.split_file)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


@pytest.mark.parametrize("entry", [[], ["a.png", 0], ["a.png", 0, "a", "b"], "abc", {"a": 0, "b": 1, "c": 2}, 1, None,
                                   [["a.png"], 0, "a"], ["a.png", 0, ["a"]], ["x" * 10**6, "0", "a"]], ids=range(10))
def test_an_entry_that_is_no_image_is_shown_in_one_line(tmp_path, entry):
    folder = write_dataset(tmp_path, small_split())
    (folder / OnDisk.split_file).write_text(json.dumps(change("val", 1, entry)))
    refuses(tmp_path, OnDisk.split_file, "is not [path, label, class name]")
    with pytest.raises(UserError) as caught:
        OnDisk.read(tmp_path)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("path", ["/etc/passwd", "../c0/val0.png", "c0/../c1/val0.png", "c0/\0.png", "c0/\ud800.png"])
def test_a_path_that_leads_out_of_the_image_folder_is_refused(tmp_path, path):
    folder = write_dataset(tmp_path, small_split())
    (folder / OnDisk.split_file).write_text(json.dumps(change("val", 0, [path, 0, "class 0"])))
    refuses(tmp_path, OnDisk.split_file, "a path has to lead from the image folder into it")


@pytest.mark.parametrize("path", ["c0/test0.png", "./c0/test0.png", "c0//test0.png", "c0/./test0.png"])
def test_an_image_in_two_parts_is_refused_however_its_path_is_spelled(tmp_path, path):
    folder = write_dataset(tmp_path, small_split())
    (folder / OnDisk.split_file).write_text(json.dumps(change("train", 0, [path, 0, "class 0"])))
    refuses(tmp_path, "test0.png' twice, in train as 'class 0' and in test")


@pytest.mark.parametrize("path", ["C0/test0.png", "link/test0.png", "c0/link.png"])
def test_an_image_in_two_parts_is_refused_when_a_link_or_letter_case_hides_it(tmp_path, path):
    folder = write_dataset(tmp_path, small_split())
    (folder / OnDisk.split_file).write_text(json.dumps(change("train", 0, [path, 0, "class 0"])))
    images = folder / OnDisk.image_dir
    (images / "C0").symlink_to("c0")  # as a file system without letter case
    (images / "link").symlink_to("c0")
    (images / "c0" / "link.png").symlink_to("test0.png")
    refuses(tmp_path, "are one file", path, "'c0/test0.png'")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink(path, path),
                                  lambda path: os.symlink("/dev/zero", path), lambda path: os.symlink("gone", path)],
                         ids=["pipe", "folder", "circle", "device", "broken link"])
def test_an_image_that_is_no_file_is_refused_before_it_is_opened(tmp_path, make):
    folder = write_dataset(tmp_path, small_split(), leave_out=["c1/test0.png"])
    make(folder / OnDisk.image_dir / "c1" / "test0.png")
    refuses(tmp_path, "c1/test0.png' is no image file")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink(path, path),
                                  lambda path: os.symlink("/dev/zero", path),
                                  lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY), 2**30)],
                         ids=["pipe", "folder", "circle", "device", "a gigabyte"])
def test_a_split_file_that_cannot_be_one_is_not_read(tmp_path, make):
    folder = write_dataset(tmp_path, small_split())
    (folder / OnDisk.split_file).unlink()
    make(folder / OnDisk.split_file)
    refuses(tmp_path, OnDisk.split_file, "cannot read")


def named(*names):
    """A split whose classes have these names."""
    return {part: [[path, label, names[label]] for path, label, _ in items]
            for part, items in small_split([2] * len(names)).items()}


@pytest.mark.parametrize("first, second", [("a_b", "a b"), ("Cat", "cat"), ("cat", "cat "), ("caf\xe9", "cafe\u0301"),
                                           ("a  b", "a b"), ("\uff43at", "cat"), ("a &amp; b", "a & b"), ("x", "x")])
def test_classes_with_equal_names_are_named_in_a_line_and_stay_usable(tmp_path, capsys, first, second):
    write_dataset(tmp_path, named(first, "dog", second))
    assert OnDisk(dataset_config(tmp_path)).classnames == [first, "dog", second]
    assert capsys.readouterr().out.count(f"prompts cannot tell apart: {first!r} = {second!r}\n") == 1


@pytest.mark.parametrize("name, words", [("", "empty"), (" \u3000", "empty"), ("a\nb", "control"), ("a\0", "control"),
                                         ("\x1b[31m", "control"), ("\ud800", "control"), ("x" * 10_000, "10000")])
def test_class_names_that_no_prompt_can_hold_are_refused(tmp_path, name, words):
    write_dataset(tmp_path, named("cat", name))
    refuses(tmp_path, OnDisk.split_file, "label 1 has", words)


@pytest.mark.parametrize("root, words", [
    ("file", "cannot be listed (Not a directory)"), ("x" * 300, "cannot be listed (File name too long)"),
    ("circle", "cannot be listed (Too many levels"), ("~nobody/x", "(No such file"), ("a\0b", "is no path")])
def test_a_root_that_is_no_folder_is_named(tmp_path, monkeypatch, root, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "circle").symlink_to("circle")
    refuses(root, words)


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


@pytest.mark.parametrize("key", ["SOURCE_DOMAINS", "TARGET_DOMAINS"])
def test_domains_of_a_data_set_without_domains_are_refused(tmp_path, key):
    write_dataset(tmp_path, small_split())
    cfg = dataset_config(tmp_path)
    cfg.DATASET[key] = ("sketch",)
    with pytest.raises(UserError, match=f"DATASET.{key} is .'sketch'.*has no domains"):
        OnDisk(cfg)
