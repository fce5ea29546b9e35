"""The NOTICE of the icon sets: whose drawings they are, and the texts of their licences."""

from pathlib import Path

LICENCES = Path(__file__).parent / "licences"
RULE = "=" * 78


def notice(infos, title):
    """Text of a NOTICE file.

    Args:
        infos: {set name: the package's `info` of the set}, the sets whose drawings were used.
        title: the first paragraph, says what was made of them.
    Returns:
        str: an entry per set, then each licence once, under the copyright lines of its sets.
    Raises:
        ValueError: a set's licence is none of those whose text is in `licences/`.
    """
    known = {path.stem for path in LICENCES.glob("*.txt")}
    sets_of = {}
    for name, info in sorted(infos.items()):
        spdx = info["license"]["spdx"]
        if spdx not in known:
            raise ValueError(f"icon set {name!r} has licence {spdx!r}; use only sets with one of {sorted(known)}")
        sets_of.setdefault(spdx, []).append(info)
    parts = [title, ""] + [entry(name, info) for name, info in sorted(infos.items())]
    for spdx in sorted(sets_of):
        lines = sorted({f"Copyright (c) {info['author']['name']} ({info['name']})" for info in sets_of[spdx]})
        if spdx in ("CC0-1.0", "Unlicense"):
            lines = sorted({f"Dedicated to the public: {info['name']}, by {info['author']['name']}"
                            for info in sets_of[spdx]})
        text = (LICENCES / f"{spdx}.txt").read_text(encoding="utf-8")
        parts += [RULE, spdx, RULE, "", *lines, "", text]
    return "\n".join(parts)


def entry(name, info):
    """Who made one set, under which licence, and where it is found."""
    lines = [
        f"{name}: {info['name']}" + (f", version {info['version']}" if "version" in info else ""),
        f"  by {info['author']['name']}",
        f"  {info['license']['spdx']}",
        info["license"].get("url"),
        info["author"].get("url"),
    ]
    links = [f"  {link}" for link in dict.fromkeys(line for line in lines[3:] if line)]
    return "\n".join(lines[:3] + links) + "\n"
