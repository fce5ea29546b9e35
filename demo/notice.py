"""The NOTICE of the icon sets: whose drawings they are, and the texts of their licences."""
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from compat.errors import UserError

from .iconify import Info

LICENCES = Path(__file__).parent / "licences"
RULE = "=" * 78
INTRODUCTION = """
The drawings were made by the authors of the {kind} sets below, and are used under the sets' licences, which follow
after the list. Names, authors, versions and links are as the npm package @iconify/json {version} states them.
The drawings were changed: rendered as pixels, on white.
"""


def notice(infos: Mapping[str, Info], kind: str, title: str, package_version: str) -> str:
    """Text of a NOTICE file: an entry per set, then each licence once, under the copyright lines of its sets.

    Args:
        infos: {set name: the package's `info` of the set}, the sets whose drawings were used.
        kind: of sets, "icon" or "emoji". title: the first line, says what was made of them.
        package_version: of the npm package.

    Raises:
        UserError: a set's licence is none of those whose text is in `licences/`.
    """
    known = {path.stem for path in LICENCES.glob("*.txt")}
    sets_of: dict[str, list[Info]] = defaultdict(list)
    for name, info in sorted(infos.items()):
        spdx = info["license"]["spdx"]
        if spdx not in known:
            raise UserError(f"icon set {name!r} has licence {spdx!r}: use only sets with one of {sorted(known)}")
        sets_of[spdx].append(info)
    parts = [title, INTRODUCTION.format(kind=kind, version=package_version)]
    parts += [entry(name, info) for name, info in sorted(infos.items())]
    for spdx, members in sorted(sets_of.items()):
        line = "Copyright (c) {author} ({name})"
        if spdx in ("CC0-1.0", "Unlicense"):
            line = "Dedicated to the public: {name}, by {author}"
        lines = sorted({line.format(name=info["name"], author=info["author"]["name"]) for info in members})
        text = (LICENCES / f"{spdx}.txt").read_text(encoding="utf-8")
        parts += [RULE, spdx, RULE, "", *lines, "", text]
    return "\n".join(parts)


def entry(name: str, info: Info) -> str:
    """Who made one set, under which licence, and where it is found."""
    version = f", version {info['version']}" if "version" in info else ""
    lines = [f"{name}: {info['name']}{version}", f"  by {info['author']['name']}", f"  {info['license']['spdx']}"]
    links = dict.fromkeys(filter(None, (info["license"].get("url"), info["author"].get("url"))))
    return "\n".join([*lines, *(f"  {link}" for link in links)]) + "\n"
