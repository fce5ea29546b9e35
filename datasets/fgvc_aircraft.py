"""FGVCAircraft: aircraft in 100 variants, with the official split; nothing is random here."""
import hashlib
import json

from dassl.data.datasets import DATASET_REGISTRY

from .base import FewShotDataset
from .split_file import PARTS
from .text_lists import entry, read_lines


@DATASET_REGISTRY.register()
class FGVCAircraft(FewShotDataset):
    dataset_dir = "fgvc_aircraft"
    template = "a photo of a {}, a type of aircraft."

    @classmethod
    def read_parts(cls, folder):
        labels = {name: label for label, name in enumerate(read_lines(folder / "variants.txt"))}
        parts = {part: read_variants(folder / f"images_variant_{part}.txt", labels) for part in PARTS}
        return parts, hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def read_variants(path, labels):
    """Items of a list with lines of image number and variant, "0034309 Boeing 707-320"."""
    def item(line):
        number, variant = line.split(" ", 1)
        return f"{number}.jpg", labels[variant], variant

    return [entry(path, line, lambda: item(line)) for line in read_lines(path)]
