"""Pictograms in other styles: PictogramsInverted and PictogramsContour to test on, PictogramsFar to train on as well.

The first two are to Pictograms what ImageNet-R and -Sketch are to ImageNet. PictogramsFar shows every image as chalk on
a board, each in the part (train, val, test) that it has in Pictograms, so that no drawing is in two parts, in no style.
The images are made from the bundled archive on first use, by exact arithmetic on whole numbers.
"""
import io
import json
import zipfile
import zlib
from pathlib import Path

import numpy as np
from dassl.data.datasets import DATASET_REGISTRY
from PIL import Image

from .bundled import BundledDataset, Pictograms
from .download.unpack_once import archive_digest, fill_once

VERSION = 1  # of the arithmetic below: another one makes the images anew
BOARD, CHALK = np.array([36, 62, 52]), np.array([235, 232, 220])  # RGB


class StyledPictograms(BundledDataset):
    """Images of Pictograms, each changed by ``restyle``: of all parts, or of test alone."""

    archive = Pictograms.archive

    @classmethod
    def prepare(cls, folder: Path) -> None:
        digest = f"{cls.__name__} {VERSION} of {archive_digest(cls.archive)}"
        fill_once(folder, digest, cls.make_images, f"{cls.archive.name} as {cls.__name__}")

    @classmethod
    def make_images(cls, folder: Path) -> None:
        """Write the changed images and their split file."""
        with zipfile.ZipFile(cls.archive) as archive:
            split = json.loads(archive.read(Pictograms.split_file))
            if cls.test_only:
                split.update(train=[], val=[])
            for path in (path for items in split.values() for path, _, _ in items):
                with Image.open(io.BytesIO(archive.read(f"{Pictograms.image_dir}/{path}"))) as image:
                    pixels = cls.restyle(np.asarray(image.convert("RGB")), path)
                target = folder / cls.image_dir / path
                target.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(target)
        (folder / cls.split_file).write_text(json.dumps(split), encoding="utf-8")

    @staticmethod
    def restyle(pixels: np.ndarray, path: str) -> np.ndarray:
        """uint8 (H, W, 3) -> uint8 (H, W, 3); ``path`` is the image's in the split file."""
        raise NotImplementedError


@DATASET_REGISTRY.register()
class PictogramsInverted(StyledPictograms):
    """Light drawings on black."""

    dataset_dir = "pictograms_inverted"
    split_file = "split_zhou_PictogramsInverted.json"
    test_only = True

    @staticmethod
    def restyle(pixels: np.ndarray, path: str) -> np.ndarray:
        return 255 - pixels


@DATASET_REGISTRY.register()
class PictogramsContour(StyledPictograms):
    """Black contours on white."""

    dataset_dir = "pictograms_contour"
    split_file = "split_zhou_PictogramsContour.json"
    test_only = True

    @staticmethod
    def restyle(pixels: np.ndarray, path: str) -> np.ndarray:
        return np.repeat(255 - contour(pixels), 3, axis=-1)


@DATASET_REGISTRY.register()
class PictogramsFar(StyledPictograms):
    """Chalk on a green board: contours in full, areas faintly, both with a grain that each image has of its own."""

    dataset_dir = "pictograms_far"
    split_file = "split_zhou_PictogramsFar.json"

    @staticmethod
    def restyle(pixels: np.ndarray, path: str) -> np.ndarray:
        areas = 255 - pixels.astype(int).mean(axis=-1, keepdims=True).astype(int)
        strokes = np.maximum(90 * contour(pixels).astype(int), 25 * areas)  # 25,500 is a full stroke without grain
        amount = strokes * (256 - grain(areas.shape, zlib.crc32(path.encode())) // 2) // 25_500  # 0 to 256
        return (BOARD + amount * (CHALK - BOARD) // 256).astype(np.uint8)


def contour(pixels: np.ndarray) -> np.ndarray:
    """Where a pixel's neighbours differ, by how much: uint8 (H, W, 3) -> uint8 (H, W, 1)."""
    height, width, _ = pixels.shape
    padded = np.pad(pixels, ((1, 1), (1, 1), (0, 0)), mode="edge")
    shifted = np.stack([padded[row:row + height, column:column + width] for row in range(3) for column in range(3)])
    return (shifted.max(axis=0) - shifted.min(axis=0)).max(axis=-1, keepdims=True)


def grain(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Noise from 0 to 255 that is the same everywhere: int64 (``shape``), the bits of a pixel's number mixed."""
    number = np.arange(np.prod(shape), dtype=np.uint32) * np.uint32(2654435761) + np.uint32(seed)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        number = (number ^ (number >> np.uint32(shift))) * np.uint32(factor)
    return (number >> np.uint32(24)).reshape(shape).astype(int)
