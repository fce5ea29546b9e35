"""Drawing tiny SVGs, and which of them count as the same drawing."""

import io

import numpy as np
import pytest
from PIL import Image

from demo.drawing import draw, encode_png, to_grey
from demo.iconify import svg_document
from demo.near_duplicates import is_near, pick_distinct, thumbnail

pytest.importorskip("resvg_py", reason="drawing needs demo/requirements.txt")

SQUARE = '<path fill="currentColor" d="M4 4h8v8H4z"/>'
LARGER_SQUARE = '<path fill="currentColor" d="M0 0h16v16H0z"/>'
RING = '<circle cx="8" cy="8" r="6" fill="none" stroke="currentColor"/>'
COLOURED = '<path fill="#f00" d="M2 2h6v12H2z"/><path fill="#00f" d="M8 2h6v12H8z"/>'


def drawn(body, **size):
    return draw(svg_document({"body": body, **size}, {}))


def test_drawing_is_black_on_white_with_a_margin():
    image = drawn(LARGER_SQUARE)
    assert image.shape == (64, 64, 3) and image.dtype == np.uint8
    assert (image[2:-2, 2:-2] == 0).all()
    assert (image[:2] == 255).all() and (image[:, -2:] == 255).all()


def test_a_wide_drawing_is_centred():
    image = drawn('<path d="M0 0h32v16H0z"/>', width=32)
    rows = np.flatnonzero((image < 128).any(axis=(1, 2)))
    assert (rows[0], rows[-1]) == (17, 46)


def test_empty_and_broken_drawings_are_none():
    assert drawn("") is None
    assert draw("<svg") is None


@pytest.mark.parametrize("body", [SQUARE, RING, COLOURED])
def test_png_keeps_the_pixels_and_is_the_same_each_time(body):
    image = drawn(body)
    png = encode_png(image)
    assert png == encode_png(drawn(body))
    assert (np.asarray(Image.open(io.BytesIO(png)).convert("RGB")) == image).all()


def test_margins_do_not_count_but_shapes_do():
    square, larger, ring = (thumbnail(to_grey(drawn(body))) for body in (SQUARE, LARGER_SQUARE, RING))
    assert is_near(np.stack([larger, ring]), square[None]).tolist() == [True, False]
    assert pick_distinct(np.stack([ring, square, larger])) == [0, 1]
    assert is_near(ring[None], np.zeros((0, 256), dtype=np.float32)).tolist() == [False]
