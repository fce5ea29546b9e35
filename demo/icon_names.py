"""From the names that designers give their icons to plain English words."""

import re
from collections import Counter

# A style word counts as one only in sets that use it for a good part of their icons: "light" is a weight in a
# set with weights, and a lamp in a set without.
FREQUENT = 0.02


def words(name):
    """Split an icon's name: "shopping-cart-24-filled" -> ["shopping", "cart", "24", "filled"]."""
    return [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]


def style_words_of_set(names, style_words):
    """Those of the known style words that at least 2 % of a set's names use.

    Args:
        names: all icon names of one set.
        style_words: iterable of str, e.g. "outline", "bold".
    Returns:
        set of str.
    """
    counts = Counter(word for name in names for word in set(words(name)))
    return {word for word in style_words if counts[word] >= max(2, FREQUENT * len(names))}


def clean(name, styles):
    """The object a name speaks of: style words dropped at both ends, numbers (sizes, variants) dropped at both ends.

    Args:
        name: an icon's name, e.g. "calendar-2-line".
        styles: the style words in use in the icon's set.
    Returns:
        str, words separated by spaces ("calendar"); empty if nothing is left.
    """
    parts = words(name)
    while parts and (parts[-1] in styles or _is_number(parts[-1])):
        parts.pop()
    while parts and (parts[0] in styles or _is_number(parts[0])):
        parts.pop(0)
    return " ".join(parts)


def _is_number(word):
    return re.fullmatch(r"\d+(px|dp|pt)?", word) is not None
