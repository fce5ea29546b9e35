"""Choosing the icons of Pictograms: class words, split by family of sets, near-duplicates and caps."""
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from . import icon_names, iconify
from .drawing import draw_all, to_grey
from .near_duplicates import is_near, pick_distinct, thumbnail

HERE = Path(__file__).parent
SPLITS = ("train", "val", "test")
MIN_IMAGES = {"train": 16, "val": 4, "test": 10}
MAX_PER_SET = 3
MAX_PER_CLASS = {"train": 60, "val": 15, "test": 30}


@dataclass
class Candidate:
    """An icon that may become an image: where it is from, what it shows and how it looks."""

    icon: iconify.Icon
    class_name: str
    split: str
    image: np.ndarray  # uint8 (64, 64, 3)
    thumbnail: np.ndarray  # float32 (256,)

    @property
    def source(self) -> str:
        """Where the image is from: "<set>--<icon>"."""
        return f"{self.icon.set_name}--{self.icon.name}"


def load_json(name: str) -> Any:
    """One of this folder's data files."""
    return json.loads((HERE / name).read_text(encoding="utf-8"))


def named_icons(package: Path, set_names: Iterable[str]) -> list[tuple[iconify.Icon, str]]:
    """Icons of the sets with the plain words of their names."""
    style_words = load_json("style_words.json")
    named = []
    for set_name in set_names:
        icons = iconify.read_icon_set(package, set_name).icons
        styles = icon_names.style_words_of_set([icon.name for icon in icons], style_words)
        named += [(icon, icon_names.clean(icon.name, styles)) for icon in icons]
    return named


def find_candidates(package: Path) -> list[Candidate]:
    """Draw every icon whose cleaned name is a class word.

    Left out are icons of left_out.json: name patterns of those that were found to show something else.

    Returns:
        candidates in order of preference: test before val before train, because the test families are the fewest,
        then by set and length of the name (plain names first).
    """
    sets = load_json("icon_sets.json")
    class_of = {word: name for name, words in load_json("class_words.json").items() for word in words}
    left_out = load_json("left_out.json")
    found = [(icon, class_of[words]) for icon, words in named_icons(package, sets) if words in class_of
             and not any(fnmatchcase(f"{icon.set_name}--{icon.name}", pattern) for pattern in left_out)]
    images = draw_all([icon.svg for icon, _ in found])
    candidates = [Candidate(icon, class_name, sets[icon.set_name]["split"], image, thumbnail(to_grey(image)))
                  for (icon, class_name), image in zip(found, images, strict=True) if image is not None]
    return sorted(candidates, key=lambda c: (-SPLITS.index(c.split), c.icon.set_name, len(c.icon.name), c.icon.name))


def select(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Pick the data set's images.

    Of near-duplicates, over all splits, only the most preferred stays; drawings that two classes share are
    ambiguous and go from both. At most three images per set and class, at most MAX_PER_CLASS images per class and
    split, taken in turn from the sets. Classes with fewer than MIN_IMAGES images in a split are left out.

    Returns:
        candidates sorted by split, class and source.
    """
    by_class: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in without_shared_drawings(candidates):
        by_class[candidate.class_name].append(candidate)
    selected: list[Candidate] = []
    for members in by_class.values():
        distinct = [members[i] for i in pick_distinct(np.stack([c.thumbnail for c in members]))]
        chosen = [c for split in SPLITS for c in cap([c for c in distinct if c.split == split], MAX_PER_CLASS[split])]
        counts = Counter(c.split for c in chosen)
        if all(counts[split] >= MIN_IMAGES[split] for split in SPLITS):
            selected += chosen
    return sorted(selected, key=lambda c: (SPLITS.index(c.split), c.class_name, c.source))


def without_shared_drawings(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Drop every drawing that is a near-duplicate of one of another class."""
    candidates = list(candidates)
    thumbnails = np.stack([c.thumbnail for c in candidates])
    classes = np.array([c.class_name for c in candidates])
    keep = np.ones(len(candidates), dtype=bool)
    for class_name in np.unique(classes):
        own = classes == class_name
        keep[own] = ~is_near(thumbnails[own], thumbnails[~own])
    return [candidate for candidate, kept in zip(candidates, keep, strict=True) if kept]


def cap(candidates: Iterable[Candidate], limit: int) -> list[Candidate]:
    """At most `limit` of a class's candidates: first one of each set, then second ones, at most three of a set."""
    rank: Counter[str] = Counter()
    ranked = []
    for candidate in candidates:
        rank[candidate.icon.set_name] += 1
        ranked.append((rank[candidate.icon.set_name], candidate))
    ranked = [(turn, candidate) for turn, candidate in ranked if turn <= MAX_PER_SET]
    ranked.sort(key=lambda pair: pair[0])  # stable: the order of preference within a turn stays
    return [candidate for _, candidate in ranked[:limit]]
