"""A data set as one zip file, whose bytes depend on nothing but the images and their names."""
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from compat.files import atomic_write

from .drawing import encode_png
from .selection import SPLITS, Candidate

SPLIT_FILE = "split_zhou_Pictograms.json"
TIMESTAMP = (1980, 1, 1, 0, 0, 0)  # the earliest a zip file can say
SplitLists = dict[str, list[tuple[str, int, str]]]


def image_path(candidate: Candidate) -> str:
    """Path of an image under `images/`, e.g. "train/shopping_cart/lucide--shopping-cart.png"."""
    return f"{candidate.split}/{candidate.class_name.replace(' ', '_')}/{candidate.source}.png"


def split_lists(selected: Iterable[Candidate]) -> SplitLists:
    """CoOp's split format: {"train": [(path, label, class name), ...], ...}; labels by alphabetical class order."""
    label_of = {name: label for label, name in enumerate(sorted({c.class_name for c in selected}))}
    return {split: sorted((image_path(candidate), label_of[candidate.class_name], candidate.class_name)
                          for candidate in selected if candidate.split == split) for split in SPLITS}


def write_archive(path: Path, selected: list[Candidate], split_file: str = SPLIT_FILE) -> str:
    """Write the images and their split file atomically; returns the archive's SHA-256 as hex digits."""
    files = {f"images/{image_path(candidate)}": encode_png(candidate.image) for candidate in selected}
    files[split_file] = json.dumps(split_lists(selected), separators=(",", ":")).encode()
    with atomic_write(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, TIMESTAMP)
            entry.create_system = 3  # Unix, wherever it is built
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(".png") else zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name], compresslevel=9)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_split_lists(path: Path) -> SplitLists:
    """The split file of Pictograms' archive."""
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read(SPLIT_FILE))


def read_images(path: Path, split: str | None = None) -> Iterator[np.ndarray]:
    """Images of an archive, of one split or of all, by their paths as the split file has them: uint8 (64, 64, 3)."""
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".png") and (split is None or name.startswith(f"images/{split}/")):
                yield np.array(Image.open(io.BytesIO(archive.read(name))).convert("RGB"))
