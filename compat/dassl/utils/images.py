"""Reading images."""
import os

from PIL import Image

from compat.errors import DamagedFileError, MissingFileError
from compat.pixels import as_rgb


def read_image(path: str, upright: bool = False, over_white: bool = False) -> Image.Image:
    """The image of a file, in RGB; ``upright`` and ``over_white`` are those of ``as_rgb``.

    Raises:
        MissingFileError, DamagedFileError: the sentence names the file.
    """
    if not os.path.isfile(path):  # opening a pipe would wait for its writer
        raise MissingFileError(f"there is no image {path!r}: restore it or take it out of the split")
    try:
        with Image.open(path) as image:
            return as_rgb(image, upright, over_white)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # what Pillow raises
        said = " ".join(str(error).split())
        reason = said if said and str(path) not in said else type(error).__name__  # Pillow's may repeat the path
        raise DamagedFileError(
            f"cannot read image {path!r} ({reason}): restore it or take it out of the split"
        ) from error
