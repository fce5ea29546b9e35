"""Build the data set Pictograms from the npm package `@iconify/json`.

    python -m demo.build_pictograms --package PATH/TO/package

Writes pictograms.zip, NOTICE and meta.json into datasets/pictograms. The same package and the same versions of
resvg_py and Pillow give the same bytes.
"""
import sys
from collections import Counter
from pathlib import Path

from .archive import write_archive
from .building import Meta, command_line, provenance, write_papers
from .selection import SPLITS, find_candidates, load_json, select

TITLE = "Pictograms: icons drawn as images of 64x64 pixels."


def build(package: Path, output: Path) -> Meta:
    """Select, draw and write; returns the metadata."""
    selected = select(find_candidates(package))
    counts = Counter(candidate.split for candidate in selected)
    used = sorted({candidate.icon.set_name for candidate in selected})
    split_of = {name: entry["split"] for name, entry in load_json("icon_sets.json").items()}
    meta: Meta = {
        "name": "Pictograms",
        **provenance(package),
        "classes": len({candidate.class_name for candidate in selected}),
        "images": {split: counts[split] for split in SPLITS},
        "sets": {split: [name for name in used if split_of[name] == split] for split in SPLITS},
        "sha256": write_archive(output / "pictograms.zip", selected),
    }
    write_papers(output, package, used, "icon", TITLE, meta)
    return meta


if __name__ == "__main__":
    sys.exit(command_line(__doc__.splitlines()[0], "pictograms", build, ("classes", "images", "sha256")))
