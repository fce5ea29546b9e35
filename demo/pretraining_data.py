"""Choosing the icons and captions that the small CLIP is trained on: none of them is an image of Pictograms."""
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from compat.files import atomic_write

from .archive import read_images
from .drawing import draw_all, to_grey
from .iconify import EMOJI_SETS, Icon
from .near_duplicates import is_near, pick_distinct, thumbnail
from .selection import load_json, named_icons

MIN_SETS = 8  # a name is a caption when so many sets draw it
MAX_OF_CAPTION = 150


@dataclass
class PretrainingData:
    """Icons with captions. `texts[i]` are the wordings of caption i, the first one is its own name."""

    images: np.ndarray  # uint8 (n, 64, 64), grey
    captions: np.ndarray  # int64 (n,), index into texts
    texts: list[list[str]]

    def save(self, path: Path) -> None:
        with atomic_write(path) as file:
            np.savez(file, images=self.images, captions=self.captions,
                     texts=np.array(["|".join(wordings) for wordings in self.texts]))

    @classmethod
    def load(cls, path: Path) -> "PretrainingData":
        with np.load(path) as data:
            return cls(data["images"], data["captions"], [str(line).split("|") for line in data["texts"]])


class Drawing(NamedTuple):
    """A drawn icon with its caption."""

    grey: np.ndarray  # uint8 (64, 64)
    icon: Icon
    caption: str
    exact: bool  # whether the icon's name is the caption or one of its wordings, rather than a longer name


def choose(package: Path, pictograms_zip: Path) -> PretrainingData:
    """Choose icons of the training families by their names, draw them, and leave out what Pictograms holds.

    An icon's caption is its cleaned name if that is a class word or a name that at least MIN_SETS sets draw. Other
    icons whose names begin or end with a class word ("fire truck", "truck fast") take that word. Icons of the val
    and test families are never looked at; near-duplicates of any image of Pictograms are left out.
    """
    wordings = load_json("class_words.json")
    class_of = {word: name for name, words in wordings.items() for word in words}
    sets = [name for name, entry in load_json("icon_sets.json").items()
            if entry["split"] == "train" and name not in EMOJI_SETS]
    named = named_icons(package, sets)
    sets_of = defaultdict(set)
    for icon, words in named:
        sets_of[words].add(icon.set_name)
    frequent = {words for words, names in sets_of.items() if words and len(names) >= MIN_SETS}

    chosen = []
    for icon, words in named:
        caption = class_of.get(words) or (words if words in frequent else class_word_within(words, class_of))
        if caption:
            chosen.append((icon, caption, words == caption or words in class_of))
    images = draw_all([icon.svg for icon, _, _ in chosen])
    kept = [Drawing(to_grey(image), *entry) for image, entry in zip(images, chosen, strict=True) if image is not None]

    of_pictograms = np.stack([thumbnail(grey) for grey in pictograms(pictograms_zip)])
    near = is_near(np.stack([thumbnail(drawing.grey) for drawing in kept]), of_pictograms)
    by_caption = defaultdict(list)
    for drawing, left_out in zip(kept, near, strict=True):
        if not left_out:
            by_caption[drawing.caption].append(drawing)

    names: list[list[str]] = []
    arrays: list[np.ndarray] = []
    labels: list[int] = []
    for caption in sorted(by_caption):
        members = pick(by_caption[caption])
        if len(members) < 3 and caption not in wordings:
            continue
        labels += [len(names)] * len(members)
        arrays += members
        names.append([caption] + [word for word in wordings.get(caption, []) if word != caption])
    return PretrainingData(np.stack(arrays), np.array(labels), names)


def pick(drawings: Iterable[Drawing]) -> list[np.ndarray]:
    """Distinct drawings of one caption, uint8 (64, 64): those named exactly so first, then in turn from the sets."""
    turn: Counter[tuple[str, bool]] = Counter()
    ranked = []
    for drawing in sorted(drawings, key=lambda d: (not d.exact, d.icon.set_name, len(d.icon.name), d.icon.name)):
        turn[drawing.icon.set_name, drawing.exact] += 1
        rank = (not drawing.exact, turn[drawing.icon.set_name, drawing.exact], drawing.icon.set_name, drawing.icon.name)
        ranked.append((rank, drawing.grey))
    greys = [grey for _, grey in sorted(ranked, key=lambda pair: pair[0])][:4 * MAX_OF_CAPTION]
    distinct = pick_distinct(np.stack([thumbnail(grey) for grey in greys]))
    return [greys[index] for index in distinct[:MAX_OF_CAPTION]]


def class_word_within(words: str, class_of: Mapping[str, str]) -> str | None:
    """The class whose word a longer name ends or begins with: "fire truck" -> "truck"; None if there is none."""
    parts = words.split()
    for length in range(len(parts) - 1, 0, -1):
        for part in (parts[-length:], parts[:length]):
            if " ".join(part) in class_of:
                return class_of[" ".join(part)]
    return None


def pictograms(path: Path, split: str | None = None) -> Iterator[np.ndarray]:
    """Grey images of the built data set, of one split or of all: uint8 (64, 64)."""
    return map(to_grey, read_images(path, split))
