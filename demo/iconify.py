"""Reading icon sets from an unpacked npm package `@iconify/json`."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Icon:
    """One drawing of a set: its name within the set and its SVG document."""

    set_name: str
    name: str
    svg: str


@dataclass(frozen=True)
class IconSet:
    """One icon set: the package's own metadata (`info`: author, licence, version, ...) and its visible icons."""

    name: str
    info: dict
    icons: list


def package_version(package):
    """Version string of the unpacked package, e.g. "2.2.535"."""
    return json.loads((Path(package) / "package.json").read_text(encoding="utf-8"))["version"]


def read_icon_set(package, set_name):
    """Read one set. Hidden icons (withdrawn or renamed ones) and aliases (second names of a drawing) are left out.

    Args:
        package: folder of the unpacked package (holds `package.json` and `json/`).
        set_name: the set's prefix, e.g. "lucide".
    Raises:
        FileNotFoundError: there is no such package or set.
    """
    path = Path(package) / "json" / f"{set_name}.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"no icon set {set_name!r} at {path}; unpack the npm package @iconify/json and give its folder"
        )
    data = json.loads(path.read_text(encoding="utf-8"))
    icons = [
        Icon(set_name, name, svg_document(icon, data))
        for name, icon in sorted(data["icons"].items())
        if not icon.get("hidden")
    ]
    return IconSet(set_name, data["info"], icons)


def svg_document(icon, defaults):
    """A square SVG document around an icon's body, the drawing in the middle.

    Args:
        icon: dict with `body` and optionally `left`, `top`, `width`, `height` (user units).
        defaults: dict of the set with the same optional keys; Iconify's own default size is 16.
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
