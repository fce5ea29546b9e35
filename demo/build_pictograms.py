"""Build the data set Pictograms from the npm package `@iconify/json`.

    python -m demo.build_pictograms --package PATH/TO/package

Writes pictograms.zip, NOTICE and meta.json into datasets/pictograms. The same package and the same versions of
resvg_py and Pillow give the same bytes.
"""

import argparse
import json
from collections import Counter
from importlib.metadata import version
from pathlib import Path

from . import archive, iconify
from .notice import notice
from .selection import find_candidates, load_json, select

OUTPUT = Path(__file__).resolve().parents[2] / "datasets" / "pictograms"
TITLE = """Pictograms: icons drawn as images of 64x64 pixels.

The drawings were made by the authors of the icon sets below, and are used under the sets' licences, which follow
after the list. Names, authors, versions and links are as the npm package @iconify/json {version} states them.
The drawings were changed: rendered as pixels, on white."""


def build(package, output):
    """Select, draw and write; return the metadata."""
    selected = select(find_candidates(package))
    counts = Counter(candidate.split for candidate in selected)
    classes = {candidate.class_name for candidate in selected}
    used = sorted({candidate.icon.set_name for candidate in selected})
    package_version = iconify.package_version(package)
    infos = {name: iconify.read_icon_set(package, name).info for name in used}

    output.mkdir(parents=True, exist_ok=True)
    digest = archive.write_archive(output / "pictograms.zip", selected)
    families = load_json("icon_sets.json")
    meta = {
        "name": "Pictograms",
        "source": f"npm @iconify/json {package_version}",
        "drawn_with": {name: version(name) for name in ("resvg_py", "pillow")},
        "image_size": 64,
        "classes": len(classes),
        "images": {split: counts[split] for split in ("train", "val", "test")},
        "sets": {split: [name for name in used if families[name]["split"] == split]
                 for split in ("train", "val", "test")},
        "sha256": digest,
    }
    archive.write_text(output / "NOTICE", notice(infos, TITLE.format(version=package_version)))
    archive.write_text(output / "meta.json", json.dumps(meta, indent=1) + "\n")
    return meta


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--package", type=Path, required=True, help="unpacked npm package @iconify/json")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="folder to write to (default: %(default)s)")
    arguments = parser.parse_args()
    meta = build(arguments.package, arguments.output)
    print(json.dumps({key: meta[key] for key in ("classes", "images", "sha256")}, indent=1))


if __name__ == "__main__":
    main()
