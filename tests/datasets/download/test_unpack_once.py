"""Unpacking a data set's archive: once, whole or not at all, and never over somebody's files."""
import multiprocessing
import zipfile

import pytest

from compat.errors import UserError
from datasets.download.unpack_once import unpack_once


def make_archive(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def contents(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*")
            if path.is_file() and not path.name.startswith(".")}


FILES = {"images/a/1.png": "one", "images/b/2.png": "two", "split.json": "{}"}


def test_an_archive_is_unpacked_once(tmp_path):
    archive, folder = make_archive(tmp_path / "a.zip", FILES), tmp_path / "root" / "pictures"
    unpack_once(archive, folder)
    assert contents(folder) == FILES
    (folder / "split.json").write_text("edited")
    unpack_once(archive, folder)
    assert contents(folder)["split.json"] == "edited"
    assert [path.name for path in folder.parent.iterdir() if not path.name.endswith(".lock")] == ["pictures"]


def test_new_version_of_the_archive_replaces_the_old(tmp_path):
    folder = tmp_path / "root" / "pictures"
    unpack_once(make_archive(tmp_path / "a.zip", FILES), folder)
    unpack_once(make_archive(tmp_path / "a.zip", {"images/c/3.png": "three"}), folder)
    assert contents(folder) == {"images/c/3.png": "three"}


def test_runs_that_start_together_unpack_once(tmp_path):
    archive, folder = make_archive(tmp_path / "a.zip", FILES), tmp_path / "root" / "pictures"
    with multiprocessing.get_context("fork").Pool(4) as pool:
        pool.starmap(unpack_once, [(archive, folder)] * 8)
    assert contents(folder) == FILES


def refuses(archive, folder, *words):
    with pytest.raises(UserError) as caught:
        unpack_once(archive, folder)
    for word in words:
        assert word in str(caught.value)


def test_folder_of_somebody_else_is_left_alone(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    refuses(make_archive(tmp_path / "a.zip", FILES), folder, "not unpacked from a.zip", "--root")
    assert contents(folder) == {"mine.txt": "mine"}


@pytest.mark.parametrize("name", ["../out.txt", "/out.txt", "a/../../out.txt", "..\\out.txt"])
def test_names_that_lead_out_are_refused(tmp_path, name):
    folder = tmp_path / "root" / "pictures"
    refuses(make_archive(tmp_path / "a.zip", {"in.txt": "in", name: "out"}), folder, "leads out")
    assert not folder.exists() and not list(tmp_path.rglob("*out.txt"))


def test_damaged_archive_leaves_nothing(tmp_path):
    archive, folder = make_archive(tmp_path / "a.zip", {"a.txt": "a" * 5000}), tmp_path / "root" / "pictures"
    whole = archive.read_bytes()
    for damaged in (whole[:60], whole[:40] + bytes([whole[40] ^ 255]) + whole[41:], b""):
        archive.write_bytes(damaged)
        refuses(archive, folder, "a.zip", "damaged")
        assert [path.name for path in folder.parent.iterdir()] == [".pictures.lock"]


def test_a_missing_archive_is_named(tmp_path):
    refuses(tmp_path / "none.zip", tmp_path / "pictures", "none.zip")


def test_a_root_that_is_a_file_is_named(tmp_path):
    (tmp_path / "root").touch()
    refuses(make_archive(tmp_path / "a.zip", FILES), tmp_path / "root" / "pictures", "root", "can be written to")
