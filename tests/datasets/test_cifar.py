"""CIFAR from torchvision's files: small ones of the same form, with their own check sums."""
import hashlib
import os
import pickle

import numpy as np
import pytest
import torchvision
from dassl.data.datasets import DATASET_REGISTRY, build_dataset
from dassl.utils import read_image
from datasets_on_disk import dataset_config

import datasets  # noqa: F401  registers the data sets
from compat.errors import UserError


def write(path, content):
    path.write_bytes(pickle.dumps(content))
    return path.name, hashlib.md5(path.read_bytes()).hexdigest()


@pytest.fixture(params=["CIFAR10", "CIFAR100"])
def original(request, tmp_path, monkeypatch):
    """torchvision's class; its files lie in ``tmp_path``: 20 training images of each of 3 classes, 4 test images."""
    kind = getattr(torchvision.datasets, request.param)
    folder = tmp_path / kind.base_folder
    folder.mkdir()
    rng = np.random.default_rng(0)

    def batch(name, count):
        key = "labels" if request.param == "CIFAR10" else "fine_labels"
        return write(folder / name, {"data": rng.integers(0, 256, (count, 3072), dtype=np.uint8),
                                     key: [0, 1, 2] * (count // 3)})

    names = [name for name, _ in kind.train_list]
    monkeypatch.setattr(kind, "train_list", [batch(name, 60 // len(names)) for name in names])
    monkeypatch.setattr(kind, "test_list", [batch(name, 12) for name, _ in kind.test_list])
    meta = dict(kind.meta)
    name, meta["md5"] = write(folder / meta["filename"], {meta["key"]: ["aquarium_fish", "cat", "dog"]})
    monkeypatch.setattr(kind, "meta", meta)
    return kind


def build(root, kind):
    cfg = dataset_config(root)
    cfg.DATASET.NAME = kind.__name__
    return build_dataset(cfg)


def test_images_and_labels_are_those_of_torchvision(tmp_path, original):
    data = build(tmp_path, original)
    assert data.classnames == ["aquarium_fish", "cat", "dog"]
    assert [len(part) for part in (data.train_x, data.val, data.test)] == [48, 12, 12]
    assert {label: sum(item.label == label for item in data.val) for label in range(3)} == {0: 4, 1: 4, 2: 4}
    for part, train in ((data.train_x + data.val, True), (data.test, False)):
        theirs = original(str(tmp_path), train=train)
        for item in part:
            number = int(os.path.basename(item.impath)[:5])
            assert item.label == theirs.targets[number]
            assert (np.asarray(read_image(item.impath)) == theirs.data[number]).all()
    again = build(tmp_path, original)
    assert [item.impath for item in again.val] == [item.impath for item in data.val]


def test_files_in_a_folder_of_their_own_are_found(tmp_path, original):
    (tmp_path / original.__name__.lower()).mkdir()
    os.rename(tmp_path / original.base_folder, tmp_path / original.__name__.lower() / original.base_folder)
    assert len(build(tmp_path, original).test) == 12


def test_what_is_missing_or_damaged_is_named(tmp_path, original):
    with pytest.raises(UserError, match=f"{original.__name__} is not at .*download=True"):
        DATASET_REGISTRY.get(original.__name__).read(tmp_path / "elsewhere")
    (tmp_path / original.base_folder / original.test_list[0][0]).write_bytes(b"x")
    with pytest.raises(UserError, match=f"cannot read {original.__name__} in .*: get its files again"):
        build(tmp_path, original)
    assert os.listdir(tmp_path).count(original.base_folder) == 1
    assert not any("images" in name and not name.endswith(".lock") for name in os.listdir(tmp_path))
