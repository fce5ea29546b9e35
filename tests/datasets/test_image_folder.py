"""Images of one's own: class folders, splits with a recorded seed, and bad folders."""
import json
import os

import pytest
from dassl.data.datasets import DATASET_REGISTRY, build_dataset
from datasets_on_disk import dataset_config

import datasets  # noqa: F401  registers the data sets
from compat.errors import UserError
from datasets.base import data_identity
from datasets.image_folder import kept_split
from datasets.splits.own_split import SEED
from datasets.splits.split_file import read_split

SPLIT = "split_own_ImageFolder.json"


def fill(folder, **classes):
    for name, count in classes.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            (folder / name / f"{number}{'.JPG' if number % 2 else '.png'}").touch()


def build(root, **options):
    cfg = dataset_config(root, **options)
    cfg.DATASET.NAME = "ImageFolder"
    return build_dataset(cfg)


def paths(items, root):
    return [os.path.relpath(item.impath, root) for item in items]


def test_class_folders_are_split_per_class(tmp_path):
    fill(tmp_path, dog=10, cat=20)
    data = build(tmp_path)
    assert data.classnames == ["cat", "dog"]
    for part, sizes in ((data.train_x, (10, 5)), (data.val, (4, 2)), (data.test, (6, 3))):
        assert tuple(sum(item.label == label for item in part) for label in range(2)) == sizes
    everything = paths(data.train_x + data.val + data.test, tmp_path)
    assert len(set(everything)) == 30 and all((tmp_path / path).exists() for path in everything)


def test_the_split_is_recorded_with_its_seed_and_found_again(tmp_path):
    fill(tmp_path, dog=10, cat=20)
    first = DATASET_REGISTRY.get("ImageFolder").read(tmp_path)
    saved = json.loads((tmp_path / SPLIT).read_text())
    assert saved["seed"] == 1 and saved["train"][0][0].startswith("cat/")
    second = DATASET_REGISTRY.get("ImageFolder").read(tmp_path)
    assert second == first
    (tmp_path / SPLIT).unlink()
    assert DATASET_REGISTRY.get("ImageFolder").read(tmp_path) == first


def test_changed_files_are_split_anew_with_a_line(tmp_path, capsys):
    fill(tmp_path, dog=10, cat=20)
    before = DATASET_REGISTRY.get("ImageFolder").read(tmp_path)
    capsys.readouterr()
    fill(tmp_path, emu=10)
    after = DATASET_REGISTRY.get("ImageFolder").read(tmp_path)
    assert "have changed: they are split anew" in capsys.readouterr().err
    assert after.split_digest != before.split_digest
    assert {name for _, _, name in after.parts["test"]} == {"cat", "dog", "emu"}
    assert read_split(tmp_path / "split_own_ImageFolder.former.json").parts == before.parts


def test_one_class_is_refused_and_nothing_is_written(tmp_path):
    fill(tmp_path, dog=10)
    with pytest.raises(UserError, match=r"holds the images of 1 class \(dog\)"):
        DATASET_REGISTRY.get("ImageFolder").read(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["dog"]


def test_a_run_that_starts_between_reading_and_writing_is_not_taken_for_a_former_split(tmp_path):
    fill(tmp_path, dog=10, cat=20)
    dataset = DATASET_REGISTRY.get("ImageFolder")
    parts = dataset.read(tmp_path).parts
    (tmp_path / SPLIT).unlink()

    def other_run_first():
        kept_split(tmp_path, "digest", SEED, lambda: parts)
        return parts

    assert kept_split(tmp_path, "digest", SEED, other_run_first) == kept_split(tmp_path, "digest", SEED, dict)
    assert not (tmp_path / "split_own_ImageFolder.former.json").exists()


@pytest.mark.parametrize("content", ["{", "[]", "", '{"train": [], "val": [], "test": []}', '{"listing_digest": 1}',
                                     b"\xff", "[" * 100_000, None], ids=range(8))
def test_a_split_that_was_not_made_here_is_left_alone(tmp_path, content):
    fill(tmp_path, dog=10, cat=20)
    split = tmp_path / SPLIT
    if content is None:
        split.symlink_to("nowhere")
    else:
        split.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = sorted((path, path.is_symlink() or path.is_dir() or path.read_bytes()) for path in tmp_path.rglob("*"))
    with pytest.raises(UserError, match="damaged or was not made here.*move it away"):
        build(tmp_path)
    assert before == sorted((path, path.is_symlink() or path.is_dir() or path.read_bytes())
                            for path in tmp_path.rglob("*"))


@pytest.mark.parametrize("names", [("Train", "Test", "valid"), ("training", "testing", "Validation"),
                                   ("TRAIN", "test", "val")])
def test_parts_are_known_by_their_other_names(tmp_path, names):
    for name, count in zip(names, (10, 3, 4), strict=True):
        fill(tmp_path / name, dog=count, cat=count)
    data = build(tmp_path)
    for part, name, size in zip((data.train_x, data.test, data.val), names, (20, 6, 8), strict=True):
        assert len(part) == size and all(path.startswith(f"{name}/") for path in paths(part, tmp_path))


def test_classes_may_be_called_valid_and_invalid(tmp_path):
    fill(tmp_path, valid=5, invalid=5)
    assert build(tmp_path).classnames == ["invalid", "valid"]


def test_what_is_left_out_is_said_in_a_line(tmp_path, capsys):
    fill(tmp_path, dog=10, cat=20)
    DATASET_REGISTRY.get("ImageFolder").read(tmp_path)
    assert capsys.readouterr().out == ""
    fill(tmp_path / "cat", kittens=3)
    for name in ("cat/photo.heic", "stray.png", ".hidden", "dog/.DS_Store"):
        (tmp_path / name).touch()
    DATASET_REGISTRY.get("ImageFolder").read(tmp_path)
    assert "as no image in a class folder: 3 (stray.png, cat/kittens/, cat/photo.heic)" in capsys.readouterr().out


def test_what_is_left_out_beside_parts_is_said_in_a_line(tmp_path, capsys):
    for part in ("train", "test", "extra"):
        fill(tmp_path / part, dog=10, cat=20)
    (tmp_path / "train" / "list.txt").touch()
    assert build(tmp_path).classnames == ["cat", "dog"]
    assert "2 (extra/, train/list.txt)" in capsys.readouterr().out


@pytest.mark.parametrize("record", ["results.jsonl", "seed1/run.json", "pets/shots_16/CoOp/mini/seed1/log.txt"])
def test_output_of_earlier_runs_is_no_class(tmp_path, capsys, record):
    fill(tmp_path, dog=10, cat=20)
    file = tmp_path / "output" / record
    file.parent.mkdir(parents=True)
    file.touch()
    assert build(tmp_path).classnames == ["cat", "dog"]
    assert "1 (output/)" in capsys.readouterr().out


@pytest.mark.parametrize("output", [".", "output", "cat/run", "link/run"])
def test_output_among_the_images_is_refused(tmp_path, output):
    fill(tmp_path / "images", dog=10, cat=20)
    (tmp_path / "images" / "link").symlink_to(tmp_path / "images" / "cat")
    cfg = dataset_config(tmp_path / "images")
    cfg.DATASET.NAME, cfg.OUTPUT_DIR = "ImageFolder", str(tmp_path / "images" / output)
    with pytest.raises(UserError, match="--output-dir.*lies in the image folder"):
        build_dataset(cfg)


@pytest.mark.parametrize("folder, label, wanted", [
    ("my birds", "", "my birds"), ("my birds", " Birds ", "Birds"), ("Pictograms", "", "own Pictograms"),
    ("dtd", "", "dtd"), ("a\nb", "", "ab"), ("\n", "", "ImageFolder")])
def test_own_data_appear_under_their_own_name(tmp_path, folder, label, wanted):
    fill(tmp_path / folder, dog=5, cat=5)
    cfg = dataset_config(tmp_path / folder / "." / ".." / folder)
    cfg.DATASET.NAME, cfg.DATASET.LABEL = "ImageFolder", label
    assert build_dataset(cfg).label == wanted


@pytest.mark.parametrize("label", ["food101", "a\nb", "x" * 100, "\x1b[31m"])
def test_a_label_that_tables_cannot_show_is_refused(tmp_path, label):
    fill(tmp_path, dog=5, cat=5)
    cfg = dataset_config(tmp_path)
    cfg.DATASET.NAME, cfg.DATASET.LABEL = "ImageFolder", label
    with pytest.raises(UserError, match="DATASET.LABEL '.*give a short name"):
        build_dataset(cfg)


def test_images_that_come_or_go_change_the_identity(tmp_path):
    def identity():
        return data_identity(DATASET_REGISTRY.get("ImageFolder").read(tmp_path))

    fill(tmp_path, dog=10, cat=20)
    found = [identity()]
    (tmp_path / "cat" / "3.JPG").unlink()
    found.append(identity())
    (tmp_path / "cat" / "new.png").touch()
    found.append(identity())
    (tmp_path / "classnames.json").write_text('{"cat": "sea lion"}')
    found.append(identity())
    assert len({identity["split"] for identity in found}) == 4 and len({identity["classes"] for identity in found}) == 2


def test_few_shots_leave_no_folder_that_looks_like_a_class(tmp_path):
    fill(tmp_path, dog=10, cat=20)
    first = paths(build(tmp_path, shots=2).train_x, tmp_path)
    assert len(first) == 4
    assert paths(build(tmp_path, shots=2).train_x, tmp_path) == first
    assert build(tmp_path).classnames == ["cat", "dog"]


@pytest.mark.parametrize("with_val", [True, False])
def test_folders_for_train_and_test_are_taken_as_they_are(tmp_path, with_val):
    for part, count in (("train", 10), ("test", 3), *([("val", 4)] if with_val else [])):
        fill(tmp_path / part, dog=count, cat=count)
    data = build(tmp_path)
    assert [len(part) for part in (data.train_x, data.val, data.test)] == ([20, 8, 6] if with_val else [16, 4, 6])
    assert all(path.startswith("test/") for path in paths(data.test, tmp_path))
    assert all(path.startswith("val/" if with_val else "train/") for path in paths(data.val, tmp_path))


def test_class_names_come_from_the_file(tmp_path):
    fill(tmp_path, n01=5, n02=5, n03=5)
    (tmp_path / "classnames.json").write_text('{"n01": "sea lion", "n03": "sea lion"}')
    data = build(tmp_path)
    assert data.lab2cname == {0: "sea lion", 1: "n02", 2: "sea lion"}


@pytest.mark.parametrize("link, target", [("emu", "cat"), ("emu/1.png", "../cat/0.png"), ("cat/1.png", "0.png")])
def test_one_image_under_two_paths_is_refused(tmp_path, link, target):
    fill(tmp_path, cat=4, dog=4)
    if "/" in link:
        fill(tmp_path, emu=4)
    (tmp_path / link).unlink(missing_ok=True)
    (tmp_path / link).symlink_to(target)
    with pytest.raises(UserError, match="' and '.*are one file, through a link"):
        build(tmp_path)


def two_classes(root):
    fill(root, cat=5, dog=5)


BAD = {
    "no folder": (lambda root: None, "does not exist"),
    "no class": (lambda root: root.mkdir(), "holds no class folder"),
    "an empty class": (lambda root: (two_classes(root), fill(root, emu=0)), "emu' holds no image"),
    "too few images": (lambda root: (two_classes(root), fill(root, emu=3)), "'emu' has only 3 image(s), 'emu/"),
    "a pipe": (lambda root: (two_classes(root), os.mkfifo(root / "cat" / "x.png")), "cat/x.png' is no image file"),
    "a folder with an image's name": (
        lambda root: (two_classes(root), (root / "cat" / "x.png").mkdir()), "cat/x.png' is no image file"),
    "a link to itself": (
        lambda root: (two_classes(root), (root / "cat" / "x.png").symlink_to("x.png")), "cat/x.png' is no image file"),
    "two folders for one part": (
        lambda root: [fill(root / part, cat=3, dog=3) for part in ("train", "Train", "test")],
        "'Train' and 'train', both"),
    "a name with a line break": (lambda root: (two_classes(root), fill(root, **{"a\nb": 5})), "control character"),
    "a blank name": (lambda root: (two_classes(root), fill(root, **{" ": 5})), "empty class name"),
    "an endless name": (
        lambda root: (two_classes(root), (root / "classnames.json").write_text(json.dumps({"cat": "x" * 10_000}))),
        "10000 characters"),
    "no test folder": (lambda root: fill(root / "train", cat=3, dog=3), "but no 'test'"),
    "a test class without training images": (
        lambda root: (fill(root / "train", cat=3, dog=3), fill(root / "test", cat=3, emu=3)),
        "test/emu' has no counterpart"),
    "a name without a folder": (
        lambda root: (two_classes(root), (root / "classnames.json").write_text('{"emu": "emu"}')), "names 'emu'"),
    "a name that is no text": (
        lambda root: (two_classes(root), (root / "classnames.json").write_text('{"cat": 1}')), "the name 1"),
    "damaged names": (lambda root: (two_classes(root), (root / "classnames.json").write_text("[")), "classnames.json"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_folders_are_named_and_nothing_is_written(case, tmp_path):
    make, words = BAD[case]
    root = tmp_path / "images"
    make(root)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError) as caught:
        build(root, shots=1)
    assert words in str(caught.value) and "\n" not in str(caught.value) and caught.value.exit_code == 2
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_that_cannot_be_written_to_gets_the_same_split(tmp_path, monkeypatch):
    fill(tmp_path, dog=10, cat=20)

    def refuse(path, text):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("datasets.image_folder.write_file", refuse)
    first = DATASET_REGISTRY.get("ImageFolder").read(tmp_path)
    assert DATASET_REGISTRY.get("ImageFolder").read(tmp_path) == first
    assert not (tmp_path / SPLIT).exists()
