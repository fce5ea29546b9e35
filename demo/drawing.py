"""Draws SVG documents as 64x64 images."""
import io
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from PIL import Image

SIZE = 64
MARGIN = 2
MIN_INK = 0.01


def draw(svg: str) -> np.ndarray | None:
    """Draw an SVG document on white, `currentColor` in black, with a margin of two pixels.

    Returns:
        uint8 array of shape (64, 64, 3), or None if the drawing fails or is (almost) empty: less than 1 % ink.
    """
    import resvg_py  # here, because only rebuilding the data needs it (demo/requirements.txt)

    inner = SIZE - 2 * MARGIN
    try:
        png = resvg_py.svg_to_bytes(svg_string=svg, width=inner, height=inner, skip_system_fonts=True)
    except ValueError:
        return None
    drawing = Image.open(io.BytesIO(png)).convert("RGBA")
    canvas = Image.new("RGBA", (SIZE, SIZE), "white")
    canvas.alpha_composite(drawing, (MARGIN, MARGIN))
    image = np.asarray(canvas.convert("RGB"))
    return None if ink(to_grey(image)).mean() < MIN_INK else image


def draw_all(svgs: Sequence[str], processes: int = 2) -> list[np.ndarray | None]:
    """Draw many documents; the results are in the order of the documents."""
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(draw, svgs, chunksize=64))


def to_grey(image: np.ndarray) -> np.ndarray:
    """Grey levels of an RGB image: uint8 (H, W, 3) -> uint8 (H, W), by ITU-R 601 luma."""
    return np.asarray(Image.fromarray(image).convert("L"))


def ink(grey: np.ndarray) -> np.ndarray:
    """Amount of ink per pixel, as a fraction: 0 is white paper, 1 is black. uint8 (...) -> float32 (...)."""
    return 1 - np.asarray(grey, dtype=np.float32) / 255


def encode_png(image: np.ndarray) -> bytes:
    """PNG bytes of an RGB image uint8 (H, W, 3), as small as Pillow makes them without loss.

    Grey images are stored as grey, images of at most 256 colours with a palette; no metadata.
    """
    picture = Image.fromarray(image)
    if (image == image[..., :1]).all():
        picture = picture.convert("L")
    else:
        colours = np.unique(image.reshape(-1, 3), axis=0)
        if len(colours) <= 256:
            picture = _with_palette(image, colours)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True, compress_level=9)
    return buffer.getvalue()


def _with_palette(image: np.ndarray, colours: np.ndarray) -> Image.Image:
    """The same image as indices into its own sorted colours (Pillow's quantisers may change colours)."""
    code = image.astype(np.int64) @ np.array([65536, 256, 1])
    index = np.searchsorted(colours.astype(np.int64) @ np.array([65536, 256, 1]), code)
    picture = Image.fromarray(index.astype(np.uint8), "P")
    picture.putpalette(colours.tobytes())
    return picture
