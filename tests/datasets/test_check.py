"""The check of data sets: what it counts, what it finds, and its exit codes."""
import json
import os
import signal
import subprocess
import sys

import pytest
from dassl.data.datasets import DATASET_REGISTRY
from PIL import Image

import datasets.check as checking
from datasets.base import FewShotDataset
from datasets.names import named_datasets


@DATASET_REGISTRY.register()
class CheckedShapes(FewShotDataset):
    dataset_dir = "checked_shapes"
    split_file = "split.json"


PER_PART = {"train": 3, "val": 1, "test": 2}


def write_shapes(root, change=lambda split: None):
    """A complete data set of two classes with real images; ``change`` edits the split before it is written."""
    folder = root / CheckedShapes.dataset_dir
    split = {part: [[f"{name}/{part}{i}.png", label, name] for label, name in enumerate(("disc", "square"))
                    for i in range(count)] for part, count in PER_PART.items()}
    for part in split.values():
        for path, label, _ in part:
            image = folder / "images" / path
            image.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (40 * label, 0, 0)).save(image)
    change(split)
    (folder / "split.json").write_text(json.dumps(split))
    return folder


@pytest.fixture
def expect(tmp_path, monkeypatch):
    """Sets the published counts of CheckedShapes."""
    def setting(**counts):
        file = tmp_path / "expected.json"
        file.write_text(json.dumps({"CheckedShapes": counts}))
        monkeypatch.setattr(checking, "EXPECTED", file)
    setting(classes=2, train=6, val=2, test=4)
    return setting


def run(*arguments):
    return checking.main([*map(str, arguments)])


def test_a_complete_data_set_is_ok(tmp_path, expect, capsys):
    write_shapes(tmp_path / "data")
    assert run("checkedshapes", "--root", tmp_path / "data", "--full", "--jobs", 2) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("CheckedShapes"))
    assert line.split() == ["CheckedShapes", "2", "6", "2", "4", "ok"]


def test_missing_images_and_other_counts_are_listed(tmp_path, expect, capsys):
    folder = write_shapes(tmp_path)
    expect(classes=3, train=6, val=None, test=4)
    (folder / "images" / "disc" / "test1.png").unlink()
    assert run("CheckedShapes", "--root", tmp_path) == 1
    out = capsys.readouterr().out
    assert "PROBLEMS" in out
    assert "- CheckedShapes: 2 classes, but 3 are published" in out
    assert "- CheckedShapes: 2 val images, but 0 are published" in out
    assert "1 of 12 images are missing" in out and "disc/test1.png" in out
    assert "train images" not in out


def test_of_a_random_split_only_the_sum_is_compared(expect):
    expect(classes=2, train=6, val=None, test=4)
    counts = {"classes": 2, "train": 5, "val": 2, "test": 3}
    assert checking.count_problems("CheckedShapes", counts, official=False) == []
    counts["test"] = 4
    assert checking.count_problems("CheckedShapes", counts, official=False) == ["11 images, but 10 are published"]


def test_images_listed_twice_are_named(tmp_path, expect, capsys):
    write_shapes(tmp_path, lambda split: split["test"].append(split["train"][0]))
    expect(classes=2)
    assert run("CheckedShapes", "--root", tmp_path) == 2
    assert "lists the image 'disc/train0.png' twice, in train as 'disc' and in test" in capsys.readouterr().err


def test_full_finds_images_that_cannot_be_decoded(tmp_path, expect, capsys):
    folder = write_shapes(tmp_path)
    image = folder / "images" / "square" / "val0.png"
    image.write_bytes(image.read_bytes()[:40])
    (folder / "images" / "disc" / "train1.png").write_text("no image")
    assert run("CheckedShapes", "--root", tmp_path) == 0
    capsys.readouterr()
    assert run("CheckedShapes", "--root", tmp_path, "--full", "--jobs", 2) == 1
    out = capsys.readouterr().out
    assert "2 of 12 images cannot be read" in out
    assert "square/val0.png" in out and "disc/train1.png (cannot identify image file" in out


@pytest.mark.parametrize("full", [[], ["--full"]])
def test_what_is_no_file_and_what_is_one_file_twice_is_listed_and_not_opened(tmp_path, expect, capsys, full):
    images = write_shapes(tmp_path) / "images"
    (images / "disc" / "train0.png").unlink()
    os.mkfifo(images / "disc" / "train0.png")
    (images / "disc" / "train1.png").unlink()
    (images / "disc" / "train1.png").symlink_to("test0.png")
    assert run("CheckedShapes", "--root", tmp_path, "--jobs", 1, *full) == 1
    out = capsys.readouterr().out
    assert "1 of 12 images are no regular files" in out and "disc/train0.png: put images" in out
    assert "1 of 12 images are listed under two paths" in out and "disc/train1.png = disc/test0.png: remove" in out


def test_equal_class_names_are_a_note_and_no_problem(tmp_path, expect, capsys):
    def rename(split):
        for part in split.values():
            part[:] = [(path, label, ("a disc", "A_disc")[label]) for path, label, _ in part]

    write_shapes(tmp_path, rename)
    assert run("CheckedShapes", "--root", tmp_path) == 0
    assert "CheckedShapes, a note: classes with equal names" in capsys.readouterr().out


@pytest.mark.parametrize("jobs", ["0", "-1", "1000000", "x", "1.5", "nan"])
def test_a_number_of_jobs_that_makes_no_sense_is_refused(capsys, jobs):
    with pytest.raises(SystemExit) as caught:
        run("Pictograms", "--jobs", jobs)
    assert caught.value.code == 2 and "--jobs" in capsys.readouterr().err


def killed(folder, paths):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_is_killed_is_said(tmp_path, expect, capsys, monkeypatch):
    write_shapes(tmp_path)
    monkeypatch.setattr(checking, "undecodable", killed)
    assert run("CheckedShapes", "--root", tmp_path, "--full", "--jobs", 1) == 2
    assert "give --jobs a smaller number" in capsys.readouterr().err


@pytest.mark.parametrize("names", [["all"], ["Pictograms", "Caltech101"]])
def test_a_root_that_is_a_file_is_said(tmp_path, capsys, names):
    (tmp_path / "file").touch()
    assert run(*names, "--root", tmp_path / "file") == 2
    assert "Traceback" not in (said := capsys.readouterr().err) and said.count("error: Pictograms: ") == 1


def test_what_cannot_be_checked_is_said_and_the_others_are_checked(tmp_path, expect, capsys):
    write_shapes(tmp_path / "data")
    assert run("CheckedShapes", "Caltech101", "--root", tmp_path / "data") == 2
    streams = capsys.readouterr()
    assert "CheckedShapes" in streams.out and "error: Caltech101: " in streams.err
    assert run("ChekedShapes", "--root", tmp_path) == 2
    assert "'ChekedShapes' is unknown: did you mean 'CheckedShapes'?" in capsys.readouterr().err


def test_all_means_what_is_there_and_names_the_rest(bundled_root, capsys):
    (bundled_root / "eurosat").mkdir()
    assert run("all", "--root", bundled_root) == 2  # EuroSAT's folder is empty
    streams = capsys.readouterr()
    assert "- not there: ImageNet, Caltech101, " in streams.out and "EuroSAT," not in streams.out
    assert streams.err.startswith("error: EuroSAT: ") and streams.err.count("\n") == 1
    assert all(f"{name} " in streams.out for name in ("Pictograms", "EmojiFood", "PictogramsInverted"))
    (bundled_root / "eurosat").rmdir()
    assert run("all", "--root", bundled_root) == 1


def test_published_counts_name_registered_data_sets():
    names = named_datasets(["all"], checking.published_counts())
    assert set(names) == {name for name in json.loads(checking.EXPECTED.read_text()) if name[0] != "_"}
    assert {"ImageNet", "Caltech101", "OxfordPets", "StanfordCars", "OxfordFlowers", "Food101", "FGVCAircraft",
            "SUN397", "DescribableTextures", "EuroSAT", "UCF101", "ImageNetV2", "ImageNetSketch", "ImageNetA",
            "ImageNetR"} < set(names)


def test_the_command_runs_on_the_bundled_data(bundled_root, repository):
    command = [sys.executable, "-m", "datasets.check", "Pictograms", "--root", str(bundled_root)]
    done = subprocess.run(command, cwd=repository, text=True, capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "ok" in done.stdout.splitlines()[-1]
