"""Cleaning icon names."""

import pytest

from demo.icon_names import clean, style_words_of_set, words
from demo.pretraining_data import class_word_within


@pytest.mark.parametrize("name, expected", [
    ("shopping-cart", "shopping cart"),
    ("calendar-2-line", "calendar"),
    ("outline-home", "home"),
    ("alarm-24px", "alarm"),
    ("Key_Outline", "key"),
    ("line-chart", "chart"),
    ("street-light", "street light"),
    ("24-outline", ""),
])
def test_clean(name, expected):
    assert clean(name, {"line", "outline"}) == expected


def test_a_style_word_is_one_only_where_it_is_frequent():
    weights = [f"{name}-{weight}" for name in "abcdefghij" for weight in ("light", "bold")]
    things = [f"thing-{number}" for number in range(200)] + ["street-light", "traffic-light"]
    assert style_words_of_set(weights, ["light", "bold", "sharp"]) == {"light", "bold"}
    assert style_words_of_set(things, ["light", "bold", "sharp"]) == set()


def test_words():
    assert words("Wine--glass_2") == ["wine", "glass", "2"]


def test_class_word_within_prefers_longer_then_last_words():
    class_of = {"truck": "truck", "cart": "shopping cart", "shopping cart": "shopping cart", "house": "house"}
    assert class_word_within("fire truck", class_of) == "truck"
    assert class_word_within("truck fast", class_of) == "truck"
    assert class_word_within("house truck", class_of) == "truck"
    assert class_word_within("shopping cart add", class_of) == "shopping cart"
    assert class_word_within("truck", class_of) is None
    assert class_word_within("big truck fast", class_of) is None
