"""Class names of ImageNet and its variants: classnames.txt, lines of WordNet number and name."""
from pathlib import Path

from compat.errors import UserError

from .split_file import Item, shown
from .text_lists import read_lines

FILE = "classnames.txt"


def read_class_names(folder: Path) -> dict[str, str]:
    """{WordNet number: name} in the order of the file.

    The file is looked for in the data set's folder, then in ImageNet's folder beside it.
    """
    places = [folder / FILE, folder.parent / "imagenet" / FILE]
    path = next((place for place in places if place.exists()), places[0])
    names = {}
    for line in read_lines(path):
        wnid, _, name = line.partition(" ")
        if not name:
            raise UserError(f"{str(path)!r} holds the line {shown(line)} without a class name: get the file again "
                            "(docs/datasets.md)")
        names[wnid] = name.strip()
    return names


def named_items(images: dict[str, list[str]], labels: dict[str, int], names: dict[str, str],
                prefix: str = "") -> list[Item]:
    """Items of all images in folders that are named by WordNet number.

    Args:
        images: {WordNet number: file names}. labels: {WordNet number: label}. names: {WordNet number: class name}.
        prefix: start of every path.
    """
    unknown = [wnid for wnid in images if wnid not in names]
    if unknown:
        raise UserError(f"{FILE} has no name for the class folder {unknown[0]!r}: remove it if it is no class, or "
                        f"get the complete {FILE} (docs/datasets.md)")
    return [(f"{prefix}{wnid}/{file}", labels[wnid], names[wnid]) for wnid, files in images.items() for file in files]
