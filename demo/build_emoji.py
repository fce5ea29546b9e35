"""Build the bundled test sets that are made of emoji, from the npm package `@iconify/json`.

    python -m demo.build_emoji --package PATH/TO/package

Writes an archive for each group of emoji_groups.json, NOTICE and meta.json into datasets/emoji. They are targets of
the cross-data set protocol: for tests only, with no image and no class of Pictograms.
"""
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from .archive import write_archive
from .building import Meta, command_line, provenance, write_papers
from .drawing import draw_all, to_grey
from .iconify import EMOJI_SETS, read_icon_set
from .near_duplicates import pick_distinct, thumbnail
from .selection import Candidate, load_json

MIN_SETS = 4  # a class is drawn by at least this many of the five sets
TITLE = "Emoji drawn as images of 64x64 pixels: EmojiAnimals, EmojiFood, EmojiTransport and EmojiObjects."


def plain(name: str) -> str:
    """A name without anything but letters and digits: fxemoji writes "babychick" for "baby-chick"."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def group(package: Path, classes: Iterable[str]) -> list[Candidate]:
    """Candidates of a group, class after class and set after set.

    Left out are classes that fewer than MIN_SETS of the sets draw, drawings that show something else
    (emoji_left_out.json), and near-duplicates within a class.

    Args:
        package: folder of the npm package. classes: class names, which are emoji names with spaces.
    """
    left_out = load_json("emoji_left_out.json")
    by_plain = {name: {plain(icon.name): icon for icon in read_icon_set(package, name).icons} for name in EMOJI_SETS}
    found = {name: [icons[plain(name)] for set_name, icons in by_plain.items()
                    if plain(name) in icons and name not in left_out.get(set_name, ())]
             for name in sorted(classes) if sum(plain(name) in icons for icons in by_plain.values()) >= MIN_SETS}
    images = iter(draw_all([icon.svg for icons in found.values() for icon in icons]))
    kept = []
    for class_name, icons in found.items():
        drawn = [Candidate(icon, class_name, "test", image, thumbnail(to_grey(image)))
                 for icon, image in zip(icons, images, strict=False) if image is not None]
        kept += [drawn[index] for index in pick_distinct(np.stack([candidate.thumbnail for candidate in drawn]))]
    return kept


def build(package: Path, output: Path) -> Meta:
    """Draw and write all sets; returns the metadata."""
    sets = {}
    for name, entry in load_json("emoji_groups.json").items():
        selected = group(package, entry["classes"])
        digest = write_archive(output / f"{name}.zip", selected, f"split_zhou_{name}.json")
        sets[name] = {"classes": len({candidate.class_name for candidate in selected}), "test": len(selected),
                      "sha256": digest}
    meta = {**provenance(package), "sets": sets}
    write_papers(output, package, EMOJI_SETS, "emoji", TITLE, meta)
    return meta


if __name__ == "__main__":
    sys.exit(command_line(__doc__.splitlines()[0], "emoji", build, ("sets",)))
