"""Known pixels of every mode of Pillow in RGB, orientation, transparency, and grey without a range."""
import numpy as np
import pytest
from dassl.config import get_cfg_default
from dassl.data.data_manager import DatasetWrapper
from dassl.data.datasets import Datum
from dassl.utils import read_image
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from compat.errors import DamagedFileError
from compat.pixels import as_rgb

ORIENTATION = 0x0112
GREY, LEVELS = [0, 257, 257 * 128, 65535], [0, 1, 128, 255]


def pixels(image):
    return [tuple(pixel) for pixel in np.asarray(image).reshape(-1, 3).tolist()]


def tags(**values):
    """TIFF tags by number: 281 as t281."""
    found = ImageFileDirectory_v2()
    for name, value in values.items():
        found[int(name[1:])] = value
    return found


def saved(path, values, dtype, **options):
    Image.fromarray(np.array([values], dtype)).save(path, **options)
    return [red for red, green, blue in pixels(read_image(str(path))) if red == green == blue]


@pytest.mark.parametrize("name, dtype", [("x.png", "uint16"), ("x.tif", "uint16"), ("x.tif", ">u2"),
                                         ("x.jp2", "uint16"), ("x.pgm", "int32")])
def test_16_bit_grey_is_scaled_by_its_range(tmp_path, name, dtype):
    assert saved(tmp_path / name, GREY, dtype) == LEVELS


@pytest.mark.parametrize("dtype, values, stated, expected", [
    ("uint16", [0, 2048, 4095], {"t281": 4095}, [0, 128, 255]),
    ("uint16", [100, 200, 65535], {"t280": 100, "t281": 200}, [0, 255, 255]),
    ("uint16", [0, 257, 65535], {"t262": 0}, [255, 254, 0]),
    ("int32", [0, 50_000, 100_000], {"t340": 0, "t341": 100_000}, [0, 128, 255]),
    ("float32", [0, 0.5, 1, 2], {"t340": 0.0, "t341": 1.0}, [0, 128, 255, 255]),
    ("float32", [-1, 0, 1], {"t340": -1.0, "t341": 1.0}, [0, 128, 255])])
def test_grey_is_scaled_by_the_range_that_a_tiff_states(tmp_path, dtype, values, stated, expected):
    assert saved(tmp_path / "x.tif", values, dtype, tiffinfo=tags(**stated)) == expected


@pytest.mark.parametrize("dtype, kind", [("float32", "floating-point"), ("int32", "32-bit")])
@pytest.mark.parametrize("stated", [{}, {"t281": 0}])
def test_grey_without_a_range_is_refused(tmp_path, dtype, kind, stated):
    with pytest.raises(DamagedFileError, match=rf"read image '.*x.tif' \(nothing states the range of its {kind} "):
        saved(tmp_path / "x.tif", [0, 1], dtype, tiffinfo=tags(**stated))


def test_grey_that_is_not_a_number_is_refused(tmp_path):
    with pytest.raises(DamagedFileError, match="not finite"):
        saved(tmp_path / "x.tif", [0, float("nan")], "float32", tiffinfo=tags(t341=1.0))


@pytest.mark.parametrize("mode, value, expected", [
    ("1", 1, (255, 255, 255)), ("L", 9, (9, 9, 9)), ("LA", (9, 0), (9, 9, 9)), ("La", (9, 255), (9, 9, 9)),
    ("RGB", (1, 2, 3), (1, 2, 3)), ("RGBA", (1, 2, 3, 0), (1, 2, 3)), ("RGBX", (1, 2, 3, 4), (1, 2, 3)),
    ("RGBa", (1, 2, 3, 255), (1, 2, 3)), ("CMYK", (255, 0, 0, 0), (0, 255, 255)),
    ("YCbCr", (76, 85, 255), (254, 0, 0)), ("HSV", (85, 255, 255), (0, 255, 0)),
    ("LAB", (255, 128, 128), (255, 255, 255)),
    *[(f"I;16{order}", 65535, (255, 255, 255)) for order in ("", "L", "B", "N")]])
def test_every_mode(mode, value, expected):
    [found] = pixels(as_rgb(Image.new(mode, (1, 1), value)))
    assert np.abs(np.subtract(found, expected)).max() <= (mode == "LAB")  # the colour management rounds


def test_palettes():
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    assert pixels(as_rgb(image)) == [(10, 20, 30), (40, 50, 60)]
    image.info["transparency"] = 1
    assert pixels(as_rgb(image, over_white=True)) == [(10, 20, 30), (255, 255, 255)]


@pytest.mark.parametrize("mode, value, expected", [
    ("RGBA", (0, 100, 200, 0), (255, 255, 255)), ("RGBA", (0, 100, 200, 51), (204, 224, 244)),
    ("RGBA", (1, 2, 3, 255), (1, 2, 3)), ("LA", (0, 51), (204, 204, 204)), ("La", (0, 51), (204, 204, 204)),
    ("RGB", (1, 2, 3), (1, 2, 3))])
def test_transparency_over_white(mode, value, expected):
    assert pixels(as_rgb(Image.new(mode, (1, 1), value), over_white=True)) == [expected]


@pytest.mark.parametrize("suffix", ["png", "webp", "jpg"])
def test_the_keys_turn_images_and_lay_them_over_white(tmp_path, suffix):
    image = Image.new("RGB", (2, 1), "black") if suffix == "jpg" else Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    exif = image.getexif()
    exif[ORIENTATION] = 6
    image.save(path := tmp_path / f"x.{suffix}", exif=exif)
    cfg = get_cfg_default()

    def loaded():
        return DatasetWrapper(cfg, [Datum(str(path))])[0]["img"]

    assert loaded().size == (2, 1) and loaded().getpixel((0, 0)) == (0, 0, 0)
    cfg.INPUT.EXIF_ORIENTATION = cfg.INPUT.OVER_WHITE = True
    assert loaded().size == (1, 2) and loaded().getpixel((0, 0)) == (3 * (0 if suffix == "jpg" else 255,))


def test_16_bit_images_are_turned_too(tmp_path):
    image = Image.fromarray(np.array([GREY], "uint16"))
    exif = image.getexif()
    exif[ORIENTATION] = 3
    image.save(tmp_path / "x.png", exif=exif)
    assert [red for red, _, _ in pixels(read_image(str(tmp_path / "x.png"), upright=True))] == LEVELS[::-1]
