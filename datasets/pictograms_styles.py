"""PictogramsInverted and PictogramsContour: Pictograms' test images in other styles, for domain generalisation.

They are to Pictograms what ImageNet-R and -Sketch are to ImageNet. The images are made from the bundled archive on
first use, by exact arithmetic: white on black, and contours in place of areas.
"""
import io
import json
import zipfile
from pathlib import Path

import numpy as np
from dassl.data.datasets import DATASET_REGISTRY
from PIL import Image

from .bundled import BundledDataset, Pictograms
from .download.unpack_once import archive_digest, fill_once

VERSION = 1  # of the arithmetic below: another one makes the images anew


class StyledPictograms(BundledDataset):
    """Test images of Pictograms, each changed by ``restyle``."""

    archive = Pictograms.archive
    test_only = True

    @classmethod
    def prepare(cls, folder: Path) -> None:
        digest = f"{cls.__name__} {VERSION} of {archive_digest(cls.archive)}"
        fill_once(folder, digest, cls.make_images, f"{cls.archive.name} as {cls.__name__}")

    @classmethod
    def make_images(cls, folder: Path) -> None:
        """Write the changed test images and their split file."""
        with zipfile.ZipFile(cls.archive) as archive:
            items = json.loads(archive.read(Pictograms.split_file))["test"]
            for path, _, _ in items:
                with Image.open(io.BytesIO(archive.read(f"{Pictograms.image_dir}/{path}"))) as image:
                    pixels = cls.restyle(np.asarray(image.convert("RGB")))
                target = folder / cls.image_dir / path
                target.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(target)
        (folder / cls.split_file).write_text(json.dumps({"train": [], "val": [], "test": items}), encoding="utf-8")

    @staticmethod
    def restyle(pixels: np.ndarray) -> np.ndarray:
        """uint8 (H, W, 3) -> uint8 (H, W, 3)."""
        raise NotImplementedError


@DATASET_REGISTRY.register()
class PictogramsInverted(StyledPictograms):
    """Light drawings on black."""

    dataset_dir = "pictograms_inverted"
    split_file = "split_zhou_PictogramsInverted.json"

    @staticmethod
    def restyle(pixels: np.ndarray) -> np.ndarray:
        return 255 - pixels


@DATASET_REGISTRY.register()
class PictogramsContour(StyledPictograms):
    """Black contours on white: where a pixel's neighbours differ, by how much."""

    dataset_dir = "pictograms_contour"
    split_file = "split_zhou_PictogramsContour.json"

    @staticmethod
    def restyle(pixels: np.ndarray) -> np.ndarray:
        height, width, _ = pixels.shape
        padded = np.pad(pixels, ((1, 1), (1, 1), (0, 0)), mode="edge")
        shifted = np.stack([padded[row:row + height, column:column + width] for row in range(3) for column in range(3)])
        difference = (shifted.max(axis=0) - shifted.min(axis=0)).max(axis=-1, keepdims=True)
        return np.repeat(255 - difference, 3, axis=-1)
