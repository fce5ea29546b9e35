"""From the names that designers give their icons to plain English words."""
import re
from collections import Counter
from collections.abc import Collection, Iterable

# A style word counts as one only in sets that use it for a good part of their icons: "light" is a weight in a
# set with weights, and a lamp in a set without.
FREQUENT = 0.02


def words(name: str) -> list[str]:
    """Split an icon's name: "shopping-cart-24-filled" -> ["shopping", "cart", "24", "filled"]."""
    return [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]


def style_words_of_set(names: Collection[str], style_words: Iterable[str]) -> set[str]:
    """Those of the style words (such as "outline", "bold") that at least 2 % of a set's icon names use."""
    counts = Counter(word for name in names for word in set(words(name)))
    return {word for word in style_words if counts[word] >= max(2, FREQUENT * len(names))}


def clean(name: str, styles: Collection[str]) -> str:
    """The object that a name speaks of: "calendar-2-line" -> "calendar"; empty if nothing is left.

    Style words of the icon's set and numbers (sizes, variants) are dropped at both ends.
    """
    parts = words(name)
    while parts and (parts[-1] in styles or _is_number(parts[-1])):
        parts.pop()
    while parts and (parts[0] in styles or _is_number(parts[0])):
        parts.pop(0)
    return " ".join(parts)


def _is_number(word: str) -> bool:
    return re.fullmatch(r"\d+(px|dp|pt)?", word) is not None
