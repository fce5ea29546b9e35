"""Pictograms in other styles, through the registry."""
import numpy as np
import pytest
from dassl.data.datasets import build_dataset
from datasets_on_disk import dataset_config
from PIL import Image

import datasets  # noqa: F401  registers them
from datasets.pictograms_styles import BOARD, CHALK, PictogramsContour, PictogramsFar, PictogramsInverted


@pytest.fixture(scope="module")
def root(bundled_root):
    return bundled_root


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
    contour = 255 - PictogramsContour.restyle(square, "").astype(int)
    assert (contour == contour[..., :1]).all()
    assert (contour[..., 0] == [[0] * 6, [0] + [255] * 5, [0] + [255] * 5] + [[0, 255, 255, 0, 0, 0]] * 3).all()
    assert (PictogramsInverted.restyle(square, "") == 255 - square).all()


def test_far_shows_each_image_in_its_own_part_as_chalk(root):
    original, far = build("Pictograms", root), build("PictogramsFar", root)
    for part in ("train_x", "val", "test"):
        assert [item.impath.rpartition("images/")[2] for item in getattr(far, part)] == [
            item.impath.rpartition("images/")[2] for item in getattr(original, part)]
    for before, after in zip(original.train_x[::300], far.train_x[::300]):
        ink, chalk = 255 - pixels(before.impath).mean(axis=-1), pixels(after.impath)
        paper = (ink == 0) & (np.roll(ink, (1, 1), (0, 1)) == 0)
        assert (chalk >= BOARD).all() and (chalk <= CHALK).all()
        assert chalk[paper].mean() < chalk[ink > 128].mean()


def test_chalk_is_board_where_nothing_is_drawn_and_each_image_has_its_own_grain():
    assert (PictogramsFar.restyle(np.full((5, 4, 3), 255, dtype=np.uint8), "a.png") == BOARD).all()
    square = np.full((64, 64, 3), 255, dtype=np.uint8)
    square[16:48, 16:48] = 0
    one, again, other = (PictogramsFar.restyle(square, name).astype(int) for name in ("a.png", "a.png", "b.png"))
    assert (one == again).all() and (one != other).any()
    edge, area = one[15, 16:48], one[24:40, 24:40]
    assert edge.mean() > area.mean() + 40 > BOARD.mean() + 50
    assert one[0, 0].tolist() == BOARD.tolist() and edge.std() > 5


def test_a_second_opening_makes_nothing_anew(root, capsys):
    build("PictogramsContour", root)
    capsys.readouterr()
    build("PictogramsContour", root)
    assert "unpacking" not in capsys.readouterr().out
