"""The committed Pictograms archive: complete, honestly split, licensed."""

import hashlib
import io
import json
import re
import zipfile
from collections import Counter, defaultdict

import numpy as np
import pytest
from PIL import Image

from demo.near_duplicates import THRESHOLD, thumbnail
from demo.selection import MAX_PER_CLASS, MAX_PER_SET, MIN_IMAGES


@pytest.fixture(scope="module")
def folder(repository):
    return repository / "datasets" / "pictograms"


@pytest.fixture(scope="module")
def meta(folder):
    return json.loads((folder / "meta.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def archive(folder):
    with zipfile.ZipFile(folder / "pictograms.zip") as opened:
        yield opened


@pytest.fixture(scope="module")
def lists(archive):
    return json.loads(archive.read("split_zhou_Pictograms.json"))


def test_digest_and_size_are_as_stated(folder, meta):
    data = (folder / "pictograms.zip").read_bytes()
    assert hashlib.sha256(data).hexdigest() == meta["sha256"]
    assert len(data) < 8_000_000


def test_split_file_lists_every_image_once(archive, lists, meta):
    listed = [f"images/{path}" for items in lists.values() for path, _, _ in items]
    assert sorted(listed) == sorted(name for name in archive.namelist() if name.endswith(".png"))
    assert len(set(listed)) == len(listed)
    assert {split: len(items) for split, items in lists.items()} == meta["images"]


def test_labels_are_alphabetical_and_paths_agree(lists, meta):
    names = sorted({name for _, _, name in lists["train"]})
    assert len(names) == meta["classes"]
    for split, items in lists.items():
        for path, label, name in items:
            assert names[label] == name
            assert path.split("/")[:2] == [split, name.replace(" ", "_")]


def test_every_class_has_enough_images_and_no_set_too_many(lists):
    for split, items in lists.items():
        per_class = Counter(name for _, _, name in items)
        assert min(per_class.values()) >= MIN_IMAGES[split]
        assert max(per_class.values()) <= MAX_PER_CLASS[split]
        per_set = Counter((name, _set_of(path)) for path, _, name in items)
        assert max(per_set.values()) <= MAX_PER_SET


def test_no_family_of_sets_is_in_two_splits(lists, repository):
    sets = json.loads((repository / "demo" / "icon_sets.json").read_text(encoding="utf-8"))
    splits_of = defaultdict(set)
    for split, items in lists.items():
        for path, _, _ in items:
            splits_of[sets[_set_of(path)]["family"]].add(split)
    assert all(len(splits) == 1 for splits in splits_of.values())


def test_images_are_64_pixels_and_no_file_is_there_twice(archive):
    digests = Counter()
    for name in archive.namelist():
        if name.endswith(".png"):
            data = archive.read(name)
            assert Image.open(io.BytesIO(data)).size == (64, 64)
            digests[hashlib.sha256(data).hexdigest()] += 1
    assert max(digests.values()) == 1


def test_no_near_duplicates_across_splits_in_a_class(archive, lists):
    by_class = defaultdict(list)
    for items in lists.values():
        for path, label, _ in items:
            picture = Image.open(io.BytesIO(archive.read(f"images/{path}"))).convert("RGB").convert("L")
            by_class[label].append(thumbnail(np.asarray(picture)))
    for label in list(by_class)[::10]:  # a tenth of the classes, for speed
        thumbnails = np.stack(by_class[label])
        distance = np.abs(thumbnails[:, None] - thumbnails[None]).mean(axis=2)
        assert distance[~np.eye(len(thumbnails), dtype=bool)].min() >= THRESHOLD - 1e-6


def test_notice_names_each_set_and_holds_each_licence(folder, lists):
    notice = (folder / "NOTICE").read_text(encoding="utf-8")
    for name in {_set_of(path) for items in lists.values() for path, _, _ in items}:
        entry = re.search(rf"^{re.escape(name)}: .+\n  by .+\n  (\S+)\n", notice, flags=re.MULTILINE)
        assert entry, f"no entry for {name}"
        assert re.search(rf"^=+\n{re.escape(entry.group(1))}\n=+$", notice, flags=re.MULTILINE)


def _set_of(path):
    return path.rsplit("/", 1)[1].split("--")[0]
