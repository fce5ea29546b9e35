"""Writing a data set as one zip file whose bytes depend on nothing but the images and their names."""

import hashlib
import json
import os
import zipfile
from pathlib import Path

from .drawing import encode_png

SPLIT_FILE = "split_zhou_Pictograms.json"
TIMESTAMP = (1980, 1, 1, 0, 0, 0)  # the earliest a zip file can say


def image_path(candidate):
    """Path of an image under `images/`, e.g. "train/shopping_cart/lucide--shopping-cart.png"."""
    return f"{candidate.split}/{candidate.class_name.replace(' ', '_')}/{candidate.source}.png"


def split_lists(selected):
    """CoOp's split format: {"train": [[path, label, class name], ...], ...}; labels by alphabetical class order."""
    label_of = {name: label for label, name in enumerate(sorted({c.class_name for c in selected}))}
    lists = {"train": [], "val": [], "test": []}
    for candidate in selected:
        lists[candidate.split].append([image_path(candidate), label_of[candidate.class_name], candidate.class_name])
    return {split: sorted(items) for split, items in lists.items()}


def write_archive(path, selected, split_file=SPLIT_FILE):
    """Write the images and their split file atomically; return the archive's SHA-256 as hex digits."""
    files = {f"images/{image_path(candidate)}": encode_png(candidate.image) for candidate in selected}
    files[split_file] = json.dumps(split_lists(selected), separators=(",", ":")).encode()
    temporary = Path(path).with_suffix(".tmp")
    with zipfile.ZipFile(temporary, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, TIMESTAMP)
            entry.create_system = 3  # Unix, wherever it is built
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(".png") else zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name], compresslevel=9)
    os.replace(temporary, path)
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def write_text(path, text):
    """Write a text file atomically."""
    temporary = Path(path).with_suffix(".tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)
