"""Pictograms in other styles, through the registry."""
import numpy as np
import pytest
from dassl.data.datasets import build_dataset
from datasets_on_disk import dataset_config
from PIL import Image

import datasets  # noqa: F401  registers them
from datasets.pictograms_styles import PictogramsContour, PictogramsInverted


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("root")


def build(name, root):
    cfg = dataset_config(root, shots=16)
    cfg.DATASET.NAME = name
    return build_dataset(cfg)


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


@pytest.mark.parametrize("name", ["PictogramsInverted", "PictogramsContour"])
def test_styles_show_the_same_test_images_and_labels(name, root):
    original, changed = build("Pictograms", root), build(name, root)
    assert changed.classnames == original.classnames
    assert [(item.label, item.impath.rpartition("images/")[2]) for item in changed.test] == [
        (item.label, item.impath.rpartition("images/")[2]) for item in original.test]
    for before, after in zip(original.test[::300], changed.test[::300]):
        if name == "PictogramsInverted":
            assert (pixels(after.impath) == 255 - pixels(before.impath)).all()
        else:
            assert pixels(after.impath).shape == (64, 64, 3)
            assert (pixels(after.impath) != pixels(before.impath)).any()


def test_contours_are_where_pixels_differ():
    square = np.full((6, 6, 3), 255, dtype=np.uint8)
    square[2:, 2:] = (255, 0, 55)
    contour = 255 - PictogramsContour.restyle(square).astype(int)
    assert (contour == contour[..., :1]).all()
    assert (contour[..., 0] == [[0] * 6, [0] + [255] * 5, [0] + [255] * 5] + [[0, 255, 255, 0, 0, 0]] * 3).all()
    assert (PictogramsInverted.restyle(square) == 255 - square).all()


def test_a_second_opening_makes_nothing_anew(root, capsys):
    build("PictogramsContour", root)
    capsys.readouterr()
    build("PictogramsContour", root)
    assert "unpacking" not in capsys.readouterr().out
