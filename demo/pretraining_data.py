"""Choosing the icons and captions that the small CLIP is trained on: none of them is an image of Pictograms."""

import io
import zipfile
from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
from PIL import Image

from .drawing import draw_all, to_grey
from .near_duplicates import is_near, pick_distinct, thumbnail
from .selection import load_json, named_icons

MIN_SETS = 8  # a name is a caption when so many sets draw it
MAX_OF_CAPTION = 150
# Kept out of pretraining altogether, so that a data set of emoji can still be made of them.
EMOJI_SETS = ("noto", "noto-v1", "fxemoji", "fluent-emoji-flat", "fluent-emoji-high-contrast")


@dataclass
class PretrainingData:
    """Icons with captions. `texts[i]` are the wordings of caption i, the first one is its own name."""

    images: np.ndarray  # uint8 (n, 64, 64), grey
    captions: np.ndarray  # int64 (n,), index into texts
    texts: list

    def save(self, path):
        np.savez(path, images=self.images, captions=self.captions,
                 texts=np.array(["|".join(wordings) for wordings in self.texts]))

    @classmethod
    def load(cls, path):
        with np.load(path) as data:
            return cls(data["images"], data["captions"], [str(line).split("|") for line in data["texts"]])


def choose(package, pictograms_zip):
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
    greys = [None if image is None else to_grey(image) for image in images]
    kept = [(grey, caption, exact, icon) for grey, (icon, caption, exact) in zip(greys, chosen) if grey is not None]

    of_pictograms = np.stack([thumbnail(grey) for grey in pictograms(pictograms_zip)])
    near = is_near(np.stack([thumbnail(item[0]) for item in kept]), of_pictograms)
    by_caption = defaultdict(list)
    for item, left_out in zip(kept, near):
        if not left_out:
            by_caption[item[1]].append(item)

    names, arrays, labels = [], [], []
    for caption in sorted(by_caption):
        members = pick(by_caption[caption])
        if len(members) < 3 and caption not in wordings:
            continue
        labels += [len(names)] * len(members)
        arrays += members
        names.append([caption] + [word for word in wordings.get(caption, []) if word != caption])
    return PretrainingData(np.stack(arrays), np.array(labels), names)


def pick(items):
    """Distinct drawings of one caption: those named exactly so first, then in turn from the sets."""
    turn = Counter()
    ordered = []
    for item in sorted(items, key=lambda item: (not item[2], item[3].set_name, len(item[3].name), item[3].name)):
        turn[item[3].set_name, item[2]] += 1
        ordered.append((not item[2], turn[item[3].set_name, item[2]], item[3].set_name, item[3].name, item[0]))
    greys = [entry[-1] for entry in sorted(ordered, key=lambda entry: entry[:-1])][:4 * MAX_OF_CAPTION]
    distinct = pick_distinct(np.stack([thumbnail(grey) for grey in greys]))
    return [greys[index] for index in distinct[:MAX_OF_CAPTION]]


def class_word_within(words, class_of):
    """The class whose word a longer name ends or begins with: "fire truck" -> "truck"; None if there is none."""
    parts = words.split()
    for length in range(len(parts) - 1, 0, -1):
        for part in (parts[-length:], parts[:length]):
            if " ".join(part) in class_of:
                return class_of[" ".join(part)]
    return None


def pictograms(path, split=None):
    """Grey images of the built data set: yields uint8 (64, 64), of one split or of all."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith(".png") and (split is None or name.startswith(f"images/{split}/")):
                yield np.asarray(Image.open(io.BytesIO(archive.read(name))).convert("RGB").convert("L"))
