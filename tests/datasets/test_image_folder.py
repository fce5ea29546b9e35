"""Images of one's own: class folders, splits with a recorded seed, and bad folders."""
import json
import os

import pytest
from dassl.data.datasets import DATASET_REGISTRY, build_dataset
from datasets_on_disk import dataset_config

import datasets  # noqa: F401  registers the data sets
from compat.errors import UserError
from datasets.base import identity_on_disk

SPLIT = "split_image_folder.json"


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
    assert "have changed: they are split anew" in capsys.readouterr().out
    assert after.split_digest != before.split_digest
    assert {name for _, _, name in after.parts["test"]} == {"cat", "dog", "emu"}
    (tmp_path / SPLIT).write_text("{")
    assert DATASET_REGISTRY.get("ImageFolder").read(tmp_path) == after
    assert "is damaged" in capsys.readouterr().out


def test_images_that_come_or_go_change_the_identity(tmp_path):
    fill(tmp_path, dog=10, cat=20)
    found = [identity_on_disk("ImageFolder", tmp_path)]
    (tmp_path / "cat" / "3.JPG").unlink()
    found.append(identity_on_disk("ImageFolder", tmp_path))
    (tmp_path / "cat" / "new.png").touch()
    found.append(identity_on_disk("ImageFolder", tmp_path))
    (tmp_path / "classnames.json").write_text('{"cat": "sea lion"}')
    found.append(identity_on_disk("ImageFolder", tmp_path))
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


def two_classes(root):
    fill(root, cat=5, dog=5)


BAD = {
    "no folder": (lambda root: None, "does not exist"),
    "no class": (lambda root: root.mkdir(), "holds no class folder"),
    "an empty class": (lambda root: (two_classes(root), fill(root, emu=0)), "emu' holds no image"),
    "too few images": (lambda root: (two_classes(root), fill(root, emu=3)), "'emu' has only 3 image(s), 'emu/"),
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
