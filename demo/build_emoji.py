"""Build the bundled test sets that are made of emoji, from the npm package `@iconify/json`.

    python -m demo.build_emoji --package PATH/TO/package

Writes an archive for each group of emoji_groups.json, NOTICE and meta.json into datasets/emoji. They are targets for
the cross-data set protocol: for tests only, with no image and no class of Pictograms.
"""
import argparse
import json
import re
from importlib.metadata import version
from pathlib import Path

import numpy as np

from . import archive, iconify
from .drawing import draw_all, to_grey
from .near_duplicates import pick_distinct, thumbnail
from .notice import notice
from .selection import Candidate, load_json

OUTPUT = Path(__file__).resolve().parents[2] / "datasets" / "emoji"
SETS = ("noto", "noto-v1", "fxemoji", "fluent-emoji-flat", "fluent-emoji-high-contrast")
MIN_SETS = 4  # a class is drawn by so many of the five sets
TITLE = """Emoji drawn as images of 64x64 pixels: EmojiAnimals, EmojiFood, EmojiTransport and EmojiObjects.

The drawings were made by the authors of the emoji sets below, and are used under the sets' licences, which follow
after the list. Names, authors, versions and links are as the npm package @iconify/json {version} states them.
The drawings were changed: rendered as pixels, on white."""


def plain(name):
    """A name without anything but letters and digits: fxemoji writes "babychick" for "baby-chick"."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def group(package, classes):
    """Candidates of a group, class after class and set after set.

    Left out are classes that fewer than MIN_SETS of the sets draw, drawings that show something else
    (emoji_left_out.json), and near-duplicates within a class.

    Args:
        package: folder of the npm package. classes: class names, which are emoji names with spaces.
    """
    left_out = load_json("emoji_left_out.json")
    by_plain = {name: {plain(icon.name): icon for icon in iconify.read_icon_set(package, name).icons} for name in SETS}
    found = {name: [icons[plain(name)] for set_name, icons in by_plain.items()
                    if plain(name) in icons and name not in left_out.get(set_name, ())]
             for name in sorted(classes) if sum(plain(name) in icons for icons in by_plain.values()) >= MIN_SETS}
    images = iter(draw_all([icon.svg for icons in found.values() for icon in icons]))
    kept = []
    for class_name, icons in found.items():
        drawn = [Candidate(icon, class_name, "test", image, thumbnail(to_grey(image)))
                 for icon, image in zip(icons, images) if image is not None]
        kept += [drawn[index] for index in pick_distinct(np.stack([candidate.thumbnail for candidate in drawn]))]
    return kept


def build(package, output):
    """Draw and write all sets; return the metadata."""
    output.mkdir(parents=True, exist_ok=True)
    package_version = iconify.package_version(package)
    meta = {"source": f"npm @iconify/json {package_version}",
            "drawn_with": {name: version(name) for name in ("resvg_py", "pillow")}, "image_size": 64, "sets": {}}
    selections = {name: group(package, entry["classes"]) for name, entry in load_json("emoji_groups.json").items()}
    for name, selected in selections.items():
        digest = archive.write_archive(output / f"{name}.zip", selected, f"split_zhou_{name}.json")
        meta["sets"][name] = {"classes": len({candidate.class_name for candidate in selected}), "test": len(selected),
                              "sha256": digest}
    infos = {name: iconify.read_icon_set(package, name).info for name in SETS}
    archive.write_text(output / "NOTICE", notice(infos, TITLE.format(version=package_version)))
    archive.write_text(output / "meta.json", json.dumps(meta, indent=1) + "\n")
    return meta


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--package", type=Path, required=True, help="unpacked npm package @iconify/json")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="folder to write to (default: %(default)s)")
    arguments = parser.parse_args()
    print(json.dumps(build(arguments.package, arguments.output)["sets"], indent=1))


if __name__ == "__main__":
    main()
