"""Listing class folders: what counts as an image, the cache, and bad names."""
import json
import os
import time

import pytest

from compat.errors import UserError
from datasets.splits import scan
from datasets.splits.scan import list_images

LONG_AGO = time.time() - 1000


def make_folders(root, **classes):
    for name, files in classes.items():
        (root / name).mkdir(parents=True)
        for file in files:
            (root / name / file).touch()
        os.utime(root / name, (LONG_AGO, LONG_AGO))


@pytest.fixture
def listed(monkeypatch):
    """Names of the folders that were listed, in the order of the calls."""
    names = []
    original = scan.list_folder
    monkeypatch.setattr(scan, "list_folder", lambda folder: (names.append(folder.name), original(folder))[1])
    return names


def test_images_are_sorted_and_everything_else_is_left_out(tmp_path):
    make_folders(tmp_path, n02=["b.JPEG", "a.jpg", "notes.txt", "._a.jpg"], n01=["x.png", "x.tar"])
    make_folders(tmp_path, **{".hidden": ["a.jpg"]})
    (tmp_path / "README.txt").touch()
    assert list_images(tmp_path) == {"n01": ["x.png"], "n02": ["a.jpg", "b.JPEG"]}
    assert list(list_images(tmp_path)) == ["n01", "n02"]


def test_only_folders_that_changed_are_listed_again(tmp_path, listed):
    root, cache = tmp_path / "images", tmp_path / "cache.json"
    make_folders(root, cat=["1.jpg"], dog=["1.jpg"])
    first = list_images(root, cache)
    assert sorted(listed) == ["cat", "dog"]
    listed.clear()
    assert list_images(root, cache) == first and not listed
    (root / "dog" / "2.jpg").touch()
    os.utime(root / "dog", (LONG_AGO + 5, LONG_AGO + 5))
    assert list_images(root, cache) == {"cat": ["1.jpg"], "dog": ["1.jpg", "2.jpg"]}
    assert listed == ["dog"]
    make_folders(root, emu=["1.jpg"])
    assert "emu" in list_images(root, cache)
    (root / "emu" / "1.jpg").unlink()
    (root / "emu").rmdir()
    assert "emu" not in list_images(root, cache)
    assert "emu" not in json.loads(cache.read_text())["folders"]


def test_a_folder_that_changed_just_now_is_not_taken_from_the_cache(tmp_path, listed):
    root, cache = tmp_path / "images", tmp_path / "cache.json"
    make_folders(root, cat=["1.jpg"])
    (root / "cat" / "2.jpg").touch()  # within the resolution of the file system's clock, perhaps
    list_images(root, cache)
    list_images(root, cache)
    assert listed == ["cat", "cat"]


def listing(folders):
    return json.dumps({"format": scan.CACHE_FORMAT, "folders": folders})


@pytest.mark.parametrize("content", [
    "", "[]", "{", '{"format": 0, "folders": {"cat": [1, ["gone.jpg"]]}}', "[" * 10**5, "\xff", "null", "{}", "1",
    listing([]), listing({"cat": 1}), listing({"cat": [[1, 2], "gone.jpg"]}), listing({"cat": [[1, 2], [1]]}),
    listing({"cat": [["x", 2], ["gone.jpg"]]}), listing({"cat": [[1, 2], ["../gone.jpg"]]}),
    listing({"cat": [[1, 2, 3], ["gone.jpg"]]}), listing({"cat": [[1, 2], ["gone.txt"]]})], ids=range(17))
def test_a_damaged_cache_is_made_again(tmp_path, content):
    root, cache = tmp_path / "images", tmp_path / "cache.json"
    make_folders(root, cat=["1.jpg"])
    cache.write_text(content, encoding="latin-1")
    assert list_images(root, cache) == {"cat": ["1.jpg"]}
    assert list(json.loads(cache.read_text())["folders"]) == ["cat"]


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink(path, path),
                                  lambda path: os.symlink("/dev/zero", path)])
def test_a_cache_that_is_no_file_is_no_error(tmp_path, capsys, make):
    make_folders(tmp_path / "images", cat=["1.jpg"])
    make(tmp_path / "cache.json")
    assert list_images(tmp_path / "images", tmp_path / "cache.json") == {"cat": ["1.jpg"]}
    assert "cannot be used" in capsys.readouterr().err


def test_the_cache_of_a_copied_root_does_not_count(tmp_path, listed):
    make_folders(tmp_path / "old", cat=["1.jpg", "2.jpg"])
    list_images(tmp_path / "old", tmp_path / "cache.json")
    make_folders(tmp_path / "new", cat=["1.jpg"])  # a copy that lacks an image, with the same time
    listed.clear()
    assert list_images(tmp_path / "new", tmp_path / "cache.json") == {"cat": ["1.jpg"]} and listed == ["cat"]


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path):
    make_folders(tmp_path / "images", cat=["1.jpg"])
    assert list_images(tmp_path / "images", tmp_path / "missing" / "cache.json") == {"cat": ["1.jpg"]}


def test_bad_folders_are_named(tmp_path):
    with pytest.raises(UserError, match="nowhere.*No such file.*--root"):
        list_images(tmp_path / "nowhere")
    with pytest.raises(UserError, match="holds no class folder"):
        list_images(tmp_path)
    make_folders(tmp_path, cat=["1.jpg"], dog=["notes.txt"], emu=[])
    with pytest.raises(UserError, match=r"dog' holds no image \(and 1 more\)"):
        list_images(tmp_path)


def test_names_that_are_not_utf8_are_named(tmp_path):
    make_folders(tmp_path, cat=["1.jpg"])
    bad = os.fsencode(tmp_path / "cat") + b"/caf\xe9.jpg"
    try:
        open(bad, "wb").close()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    with pytest.raises(UserError, match=r"cat' is not UTF-8, b'caf\\xe9.jpg': rename it"):
        list_images(tmp_path)
