"""Splits made from raw files: what is refused, what is left behind, and runs that start together."""
import faulthandler
import multiprocessing
import os
import signal

import pytest
from dassl.data.datasets import DATASET_REGISTRY
from raw_trees import MAKERS, class_folders, touch

import datasets  # noqa: F401  registers the data sets
from compat.errors import UserError
from datasets.splits.own_split import split_in_three, split_off_validation


def read(name, root):
    return DATASET_REGISTRY.get(name).read(root)


def items(count, label=0):
    return [(f"{label}/{number}.jpg", label, f"class {label}") for number in range(count)]


@pytest.mark.parametrize("count, sizes", [(4, (2, 1, 1)), (7, (4, 1, 2)), (10, (5, 2, 3)), (83, (42, 17, 24))])
def test_a_class_is_cut_in_half_a_fifth_and_the_rest(count, sizes):
    parts = split_in_three(items(count))
    assert tuple(len(parts[part]) for part in ("train", "val", "test")) == sizes  # halves round to even
    assert sorted(parts["train"] + parts["val"] + parts["test"]) == sorted(items(count))


def test_a_fifth_of_each_class_goes_to_validation():
    train = items(20) + items(10, label=1)
    parts = split_off_validation(train, items(3))
    assert [sum(item[1] == label for item in parts["val"]) for label in (0, 1)] == [4, 2]
    assert sorted(parts["train"] + parts["val"]) == sorted(train) and parts["test"] == items(3)


def test_a_class_too_small_for_three_parts_is_named_and_nothing_is_written(tmp_path):
    MAKERS["DescribableTextures"](tmp_path)
    touch(tmp_path / "dtd" / "images" / "woven", ["a.jpg", "b.jpg", "c.jpg"])
    with pytest.raises(UserError, match=r"'woven' has only 3 image\(s\), 'woven/a.jpg' among them.* needs 4"):
        read("DescribableTextures", tmp_path)
    assert not list(tmp_path.rglob("split_own_*"))
    touch(tmp_path / "dtd" / "images" / "woven", ["d.jpg"])
    assert "woven" in {name for _, _, name in read("DescribableTextures", tmp_path).parts["test"]}


def crash(content, variable):
    faulthandler.disable()  # its traceback would fill the output of the tests
    os.kill(os.getpid(), signal.SIGSEGV)


def test_a_matlab_file_that_crashes_its_reader_is_named(tmp_path, monkeypatch):
    MAKERS["OxfordFlowers"](tmp_path)
    monkeypatch.setattr("datasets.splits.text_lists.load_matlab", crash)
    with pytest.raises(UserError, match="cannot read '.*imagelabels.mat' .BrokenProcessPool"):
        read("OxfordFlowers", tmp_path)


def test_images_that_came_after_the_split_are_said(tmp_path, capsys):
    MAKERS["DescribableTextures"](tmp_path)
    first = read("DescribableTextures", tmp_path)
    capsys.readouterr()
    assert read("DescribableTextures", tmp_path) == first and "no longer" not in capsys.readouterr().out
    touch(tmp_path / "dtd" / "images" / "banded", ["new.jpg"])
    assert read("DescribableTextures", tmp_path) == first
    assert "no longer those that split_own_DescribableTextures.json was made of" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["", "[", '{"train": [], "val": [], "test": []}', "[" * 10**5, b"\xff\xfe\xfd",
                                     '{"train": [["../x", 0, "a"]], "val": [], "test": [["y", 0, "a"]]}'], ids=range(6))
def test_a_damaged_split_is_made_anew_with_a_line(tmp_path, capsys, content):
    MAKERS["DescribableTextures"](tmp_path)
    first = read("DescribableTextures", tmp_path)
    split = tmp_path / "dtd" / "split_own_DescribableTextures.json"
    split.write_bytes(content if isinstance(content, bytes) else content.encode())
    capsys.readouterr()
    assert read("DescribableTextures", tmp_path) == first
    assert "is damaged: the files are split anew" in capsys.readouterr().err
    read("DescribableTextures", tmp_path)
    assert "is damaged" not in capsys.readouterr().err


@pytest.mark.parametrize("line, words", [("/z/zoo/sun_1.jpg", "'zoo' (label 3), which has no training image"),
                                         ("/a/abbey/sun_0.jpg", "'a/abbey/sun_0.jpg' twice")])
def test_lists_that_do_not_fit_together_leave_no_split(tmp_path, line, words):
    MAKERS["SUN397"](tmp_path)
    folder = tmp_path / "sun397"
    with open(folder / "ClassName.txt", "a") as file:
        file.write("/z/zoo\n")
    good = (folder / "Testing_01.txt").read_text()
    (folder / "Testing_01.txt").write_text(good + line + "\n")
    with pytest.raises(UserError) as caught:
        read("SUN397", tmp_path)
    assert words in str(caught.value) and str(folder) in str(caught.value)
    assert not list(tmp_path.rglob("split_own_*"))
    (folder / "Testing_01.txt").write_text(good)
    assert len(read("SUN397", tmp_path).parts["test"]) == 12


def test_a_damaged_split_is_made_again(tmp_path, capsys):
    MAKERS["EuroSAT"](tmp_path)
    first = read("EuroSAT", tmp_path)
    kept = tmp_path / "eurosat" / "split_own_EuroSAT.json"
    content = kept.read_text()
    kept.write_text(content[:100])
    assert read("EuroSAT", tmp_path) == first
    assert "split_own_EuroSAT.json is damaged: the files are split anew" in capsys.readouterr().err
    assert kept.read_text() == content


def test_a_data_root_that_cannot_be_written_to_gets_the_same_split(tmp_path, monkeypatch):
    MAKERS["EuroSAT"](tmp_path)

    def refuse(path, text):
        raise OSError(30, "Read-only file system", str(path))

    with monkeypatch.context() as patch:
        patch.setattr("datasets.splits.own_split.write_file", refuse)
        without_file = read("EuroSAT", tmp_path)
        assert not list(tmp_path.rglob("split_own_*"))
    assert read("EuroSAT", tmp_path) == without_file  # the digest too, so that few-shot draws stay valid


@pytest.mark.parametrize("name", ["EuroSAT", "ImageFolder"])
def test_runs_that_start_together_get_the_same_split(tmp_path, name):
    if name == "ImageFolder":
        class_folders(tmp_path, ["cat", "dog"])
    else:
        MAKERS[name](tmp_path)
    with multiprocessing.get_context("fork").Pool(4) as pool:
        readings = pool.starmap(read, [(name, tmp_path)] * 8)
    assert all(reading == readings[0] for reading in readings)
    assert len([path for path in tmp_path.rglob("*split_*") if path.is_file()]) == 1


def test_the_folder_of_another_data_set_is_not_taken_for_a_misspelling(tmp_path):
    MAKERS["ImageNetV2"](tmp_path)
    with pytest.raises(UserError) as caught:
        read("ImageNet", tmp_path)
    assert "imagenetv2" not in str(caught.value)
    (tmp_path / "image-net").mkdir()
    with pytest.raises(UserError, match="but there is '.*/image-net'"):
        read("ImageNet", tmp_path)
