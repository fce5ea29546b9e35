"""Images to classify: found in folders of any layout, read in batches, the damaged ones said to be so."""
import os
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from yacs.config import CfgNode

from compat.cores import workers_for
from compat.errors import UserError, sentence
from compat.pixels import as_rgb

Source = str | os.PathLike[str] | Image.Image
Transform = Callable[[Image.Image], torch.Tensor]


def find_images(paths: Sequence[str]) -> list[str]:
    """Files as they are, and of folders all images in them, at any depth, in the order of their paths; no file twice.

    Raises:
        UserError: a path does not exist, a folder cannot be read, or there are no images.
    """
    from datasets.splits.scan import IMAGE_SUFFIXES, is_image

    def unreadable(error: OSError) -> None:
        raise UserError(f"cannot list {str(error.filename)!r} ({error.strerror}): make it readable, or leave it out")

    found: dict[str, None] = {}
    for path in paths:
        if os.path.isdir(path):
            for folder, folders, files in os.walk(path, onerror=unreadable):
                folders[:] = sorted(name for name in folders if not name.startswith("."))
                found.update(dict.fromkeys(os.path.join(folder, name) for name in sorted(files) if is_image(name)))
        elif os.path.exists(path):
            found[path] = None
        else:
            raise UserError(f"there is no image or folder {path!r}: correct the path")
    if not found:
        raise UserError(f"no images in {', '.join(map(repr, paths))}: give files, or folders with files that end in "
                        f"{' '.join(IMAGE_SUFFIXES)}")
    return list(found)


class Batch(NamedTuple):
    """Images that are classified together.

    Attributes:
        paths: of all. errors: "" or why one could not be read. pixels: float32 (n, 3, height, width) of those that
            could.
    """

    paths: list[str]
    errors: list[str]
    pixels: torch.Tensor


class Images(Dataset[tuple[str, torch.Tensor | str]]):
    """(path, pixels or a sentence) of each image."""

    def __init__(self, images: Sequence[Source], transform: Transform, cfg: CfgNode) -> None:
        self.images, self.transform = images, transform
        self.options = cfg.INPUT.get("EXIF_ORIENTATION", False), cfg.INPUT.get("OVER_WHITE", False)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[str, torch.Tensor | str]:
        image = self.images[index]
        path = "" if isinstance(image, Image.Image) else os.fspath(image)
        try:
            return path, self.transform(self.read(image))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # what Pillow raises
            return path, " ".join(sentence(error).split()) or type(error).__name__

    def read(self, image: Source) -> Image.Image:
        """The image in RGB, by the rule that training reads images by."""
        if isinstance(image, Image.Image):
            return as_rgb(image, *self.options)
        if not os.path.isfile(image):  # opening a pipe would wait for its writer
            raise ValueError("there is no such file")
        with Image.open(image) as opened:
            return as_rgb(opened, *self.options)


def batches(images: Sequence[Source], transform: Transform, cfg: CfgNode, batch_size: int, workers: int,
            ) -> Iterator[Batch]:
    """The images in batches, in their order."""
    height, width = cfg.INPUT.SIZE
    loader = DataLoader(Images(images, transform, cfg), batch_size, num_workers=workers_for(workers), collate_fn=list)
    for items in loader:
        readable = [found for _, found in items if isinstance(found, torch.Tensor)]
        yield Batch([path for path, _ in items], [found if isinstance(found, str) else "" for _, found in items],
                    torch.stack(readable) if readable else torch.empty(0, 3, height, width))
