"""Building sets of emoji from a small package made here."""
import json

import pytest

pytest.importorskip("resvg_py", reason="draws the images: pip install -r requirements-test.txt")

from demo import build_emoji  # noqa: E402

DISC = '<circle cx="8" cy="8" r="7"/>'
TRIANGLE = '<path d="M1 1h14v14z"/>'
BAR = '<path d="M1 1h14v2h-14z"/><path d="M1 13h14v2h-14z"/>'
CROSS = '<path d="M7 1h2v14h-2z"/><path d="M1 7h14v2h-14z"/>'
DRAWN = {
    "noto": {"fox": DISC, "baby-chick": TRIANGLE, "owl": BAR},
    "noto-v1": {"fox": DISC, "baby-chick": BAR, "owl": BAR},
    "fxemoji": {"babychick": CROSS},
    "fluent-emoji-flat": {"fox": TRIANGLE, "baby-chick": DISC},
    "fluent-emoji-high-contrast": {"fox": CROSS},
}


@pytest.fixture
def package(tmp_path):
    """An npm package with the five sets."""
    folder = tmp_path / "package"
    (folder / "json").mkdir(parents=True)
    (folder / "package.json").write_text('{"version": "9.9.9"}')
    for name, icons in DRAWN.items():
        spdx = "MIT" if name.startswith("fluent") else "Apache-2.0"
        info = {"name": name.title(), "author": {"name": "A. Author"}, "license": {"spdx": spdx}}
        (folder / "json" / f"{name}.json").write_text(json.dumps(
            {"prefix": name, "info": info, "width": 16, "height": 16,
             "icons": {icon: {"body": body} for icon, body in icons.items()}}))
    return folder


@pytest.fixture
def word_lists(monkeypatch):
    lists = {"emoji_groups.json": {"EmojiTest": {"classes": ["fox", "baby chick", "owl"]}}, "emoji_left_out.json": {}}
    monkeypatch.setattr(build_emoji, "load_json", lists.get)
    return lists


def sources(package):
    kept = build_emoji.group(package, ["fox", "baby chick", "owl"])
    return [(candidate.class_name, candidate.source) for candidate in kept]


def test_names_match_without_hyphens_and_the_same_drawing_stays_once(package, word_lists):
    assert sources(package) == [
        ("baby chick", "noto--baby-chick"), ("baby chick", "noto-v1--baby-chick"), ("baby chick", "fxemoji--babychick"),
        ("baby chick", "fluent-emoji-flat--baby-chick"),
        ("fox", "noto--fox"), ("fox", "fluent-emoji-flat--fox"), ("fox", "fluent-emoji-high-contrast--fox")]


def test_what_shows_something_else_is_left_out(package, word_lists):
    word_lists["emoji_left_out.json"] = {"noto": ["fox"]}
    assert ("fox", "noto--fox") not in sources(package) and ("fox", "noto-v1--fox") in sources(package)


def test_the_same_package_gives_the_same_bytes(package, word_lists, tmp_path):
    first, second = (build_emoji.build(package, tmp_path / name) for name in ("first", "second"))
    assert first == second
    assert (first["sets"]["EmojiTest"]["classes"], first["sets"]["EmojiTest"]["test"]) == (2, 7)
    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()
    assert "npm package @iconify/json 9.9.9" in (tmp_path / "first" / "NOTICE").read_text()
