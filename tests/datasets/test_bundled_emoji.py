"""The bundled test sets that are made of emoji, through the registry, from their archives."""
import hashlib
import json

import numpy as np
import pytest
from dassl.data.datasets import DATASET_REGISTRY, build_dataset
from datasets_on_disk import dataset_config
from PIL import Image

import datasets  # noqa: F401  registers them
from datasets.bundled import EMOJI_ARCHIVES as ARCHIVES
from demo.near_duplicates import is_near, thumbnail

META = json.loads((ARCHIVES / "meta.json").read_text())
GROUPS = ("EmojiAnimals", "EmojiFood", "EmojiTransport", "EmojiObjects")


@pytest.fixture(scope="module")
def root(bundled_root):
    return bundled_root


def build(name, root, **options):
    cfg = dataset_config(root, **options)
    cfg.DATASET.NAME = name
    return build_dataset(cfg)


def thumbnails(items):
    """Float32 (n, 256), what near-duplicates are told by."""
    return np.stack([thumbnail(np.asarray(Image.open(item.impath).convert("RGB").convert("L"))) for item in items])


@pytest.mark.parametrize("name", GROUPS)
def test_each_set_has_the_classes_and_images_that_its_record_says(name, root):
    data = build(name, root, shots=16)
    assert (data.num_classes, len(data.test)) == (META["sets"][name]["classes"], META["sets"][name]["test"])
    assert hashlib.sha256((ARCHIVES / f"{name}.zip").read_bytes()).hexdigest() == META["sets"][name]["sha256"]
    assert {item.label for item in data.test} == set(range(data.num_classes))
    assert list(data.classnames) == sorted(data.classnames)
    paths = [item.impath for item in data.test]
    assert len(set(paths)) == len(paths) and [item.impath for item in data.train_x] == paths
    for path in paths:
        with Image.open(path) as image:
            assert image.convert("RGB").size == (64, 64)


def test_emoji_share_no_image_and_no_class_with_pictograms(root):
    known = build("Pictograms", root)
    images = thumbnails([*known.train_x, *known.val, *known.test])
    assert is_near(images[:1], images).all()  # the rule does find drawings that are there
    for name in GROUPS:
        data = build(name, root)
        assert not set(data.classnames) & set(known.classnames)
        assert not is_near(thumbnails(data.test), images).any()


def test_groups_have_classes_of_their_own(root):
    names = {name: set(build(name, root).classnames) for name in GROUPS}
    for first in GROUPS:
        for second in GROUPS:
            assert first == second or not names[first] & names[second]


def test_archives_are_small_and_licensed():
    assert sum(path.stat().st_size for path in ARCHIVES.glob("*.zip")) < 3_000_000
    text = (ARCHIVES / "NOTICE").read_text()
    assert "Google Inc" in text and "Mozilla" in text and "Microsoft Corporation" in text
    assert "Apache License" in text and "Permission is hereby granted" in text


def test_emoji_sets_are_test_only():
    for name in GROUPS:
        assert DATASET_REGISTRY.get(name).test_only
