"""FGVCAircraft: aircraft in 100 variants, with the official split; nothing is random here."""
from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY

from .base import FewShotDataset, Options
from .splits.split_file import PARTS, Item, Split, digest_of
from .splits.text_lists import parse_all, read_lines


@DATASET_REGISTRY.register()
class FGVCAircraft(FewShotDataset):
    dataset_dir = "fgvc_aircraft"
    template = "a photo of a {}, a type of aircraft."

    @classmethod
    def read_parts(cls, folder: Path, options: Options) -> Split:
        labels = {name: label for label, name in enumerate(read_lines(folder / "variants.txt"))}
        parts = {part: read_variants(folder / f"images_variant_{part}.txt", labels) for part in PARTS}
        return Split(parts, digest_of(parts))


def read_variants(path: Path, labels: dict[str, int]) -> list[Item]:
    """Items of a list with lines of image number and variant, "0034309 Boeing 707-320"."""
    def item(line: str) -> Item:
        number, variant = line.split(" ", 1)
        return f"{number}.jpg", labels[variant], variant

    return parse_all(path, read_lines(path), item)
