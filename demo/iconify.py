"""Icon sets of an unpacked npm package `@iconify/json`."""
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from compat.errors import MissingFileError

EMOJI_SETS = ("noto", "noto-v1", "fxemoji", "fluent-emoji-flat", "fluent-emoji-high-contrast")
"""Sets of emoji. The small CLIP never saw them, so that they can serve as test sets of their own."""


class Licence(TypedDict, total=False):
    spdx: str
    url: str


class Author(TypedDict, total=False):
    name: str
    url: str


class Info(TypedDict, total=False):
    """What the package says of a set, as far as it is used here."""

    name: str
    version: str
    author: Author
    license: Licence


@dataclass(frozen=True)
class Icon:
    """One drawing of a set: its name within the set and its SVG document."""

    set_name: str
    name: str
    svg: str


@dataclass(frozen=True)
class IconSet:
    """One icon set: what the package says of it, and its visible icons."""

    name: str
    info: Info
    icons: list[Icon]


def package_version(package: Path) -> str:
    """Version string of the unpacked package, e.g. "2.2.535"."""
    return json.loads((package / "package.json").read_text(encoding="utf-8"))["version"]


def read_icon_set(package: Path, set_name: str) -> IconSet:
    """Read one set. Hidden icons (withdrawn or renamed ones) and aliases (second names of a drawing) are left out.

    Args:
        package: folder of the unpacked package (holds `package.json` and `json/`).
        set_name: the set's prefix, e.g. "lucide".

    Raises:
        MissingFileError: there is no such package or set.
    """
    path = package / "json" / f"{set_name}.json"
    if not path.is_file():
        raise MissingFileError(f"there is no icon set {set_name!r} at {str(path)!r}: unpack the npm package "
                               "@iconify/json and give its folder")
    data = json.loads(path.read_text(encoding="utf-8"))
    icons = [
        Icon(set_name, name, svg_document(icon, data))
        for name, icon in sorted(data["icons"].items())
        if not icon.get("hidden")
    ]
    return IconSet(set_name, data["info"], icons)


def svg_document(icon: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """A square SVG document around an icon's body, the drawing in the middle.

    Args:
        icon: JSON of the icon: `body` and optionally `left`, `top`, `width`, `height` (user units).
        defaults: JSON of the set with the same optional keys; Iconify's own default size is 16.
    """
    left, top = (icon.get(key, defaults.get(key, 0)) for key in ("left", "top"))
    width, height = (icon.get(key, defaults.get(key, 16)) for key in ("width", "height"))
    side = max(width, height)
    left -= (side - width) / 2
    top -= (side - height) / 2
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{left:g} {top:g} {side:g} {side:g}">{icon["body"]}</svg>'
    )
