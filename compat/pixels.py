"""From any mode that Pillow opens to RGB of 8 bits, by one rule.

Modes of 8 bits go through Pillow's own conversion, as in the originals. Grey of more bits is scaled linearly to black
and white: the range that the file states, or else that of its whole numbers.
"""
import numpy as np
from PIL import Image, ImageOps

DEEP = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")  # modes of grey with more than 8 bits
BITS, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339  # tags of TIFF
SIGNED, WHITE_IS_ZERO = 2, 0  # values of the last two
STATED = ((340, 341), (280, 281))  # tags of the lowest and the highest value: SMinSampleValue, MinSampleValue, ...


def as_rgb(image: Image.Image, upright: bool = False, over_white: bool = False) -> Image.Image:
    """An image of any mode in RGB; of several frames the first.

    Args:
        upright: turn it as its EXIF orientation says. over_white: lay what is transparent over white, instead of
            dropping the transparency, which shows whatever colour is stored below it.

    Raises:
        ValueError: nothing states the range of its grey values. Others of Pillow's: it is damaged.
    """
    span = grey_span(image) if image.mode in DEEP else None  # from tags that a turned image no longer has
    if upright:
        image = ImageOps.exif_transpose(image)
    if span is not None:
        image = scaled(image, *span)
    if image.mode == "La":  # grey times alpha; Pillow knows no way from it but this one
        image = image.convert("LA")
    if over_white:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return image.convert("RGB")


def grey_span(image: Image.Image) -> tuple[float, float]:
    """The grey values that stand for black and for white."""
    tags = {tag: tag_value(value) for tag, value in dict(getattr(image, "tag_v2", {})).items()}  # of TIFF
    stated = [(tags.get(low) or 0.0, top) for low, high in STATED if (top := tags.get(high)) is not None]
    whole = 16 if image.mode.startswith("I;16") or image.format in ("PNG", "PPM") else 32  # bits of a sample at most
    bits = int(min(tags.get(BITS) or whole, whole))
    if image.mode != "F" and bits <= 16:
        signed = tags.get(SAMPLE_FORMAT) == SIGNED
        stated.append((-2.0**(bits - 1), 2.0**(bits - 1) - 1) if signed else (0.0, 2.0**bits - 1))
    low, high = next(((low, high) for low, high in stated if low < high), (None, None))
    if low is None or high is None:
        raise ValueError(f"nothing states the range of its {'floating-point' if image.mode == 'F' else '32-bit'} grey "
                         "values: save it with 8 or 16 bits, or as TIFF with SMinSampleValue and SMaxSampleValue")
    return (high, low) if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO else (low, high)


def tag_value(value: object) -> float | None:
    """A tag's number, the first of several; None for a text."""
    value = value[0] if isinstance(value, tuple) and value else value
    try:
        return float(value)  # type: ignore[arg-type]  # what cannot be a number raises, as handled here
    except (TypeError, ValueError, ZeroDivisionError):
        return None


def scaled(image: Image.Image, black: float, white: float) -> Image.Image:
    """Grey in mode L, linear from ``black`` to ``white``; values beyond them are cut off."""
    values = np.asarray(image).astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("it holds grey values that are not finite")
    return Image.fromarray((np.clip((values - black) / (white - black), 0, 1) * 255 + 0.5).astype(np.uint8))
