"""The table of addresses, ``sources.json``: where each data set's files come from."""
import json
from pathlib import Path
from typing import TypedDict

SOURCES = Path(__file__).resolve().parent / "sources.json"


class File(TypedDict, total=False):
    """A file to fetch: from ``url``, or from Google Drive by its id ``drive``.

    One that is used as it is goes ``to`` a path in the data set's folder. Of an archive, ``take`` says what goes where:
    {path in the archive, or in the archive ``inner`` in it: path in the folder}; ``name`` is its own name where the
    address has none. ``checksum``: "md5:<hex>", "sha256:<hex>" or None where none is known. ``last_seen`` and
    ``source`` are for readers of the table.
    """

    url: str
    drive: str
    to: str
    take: dict[str, str]
    inner: str
    name: str
    checksum: str | None
    last_seen: str | None
    source: str


class Source(TypedDict, total=False):
    """What is known about a data set.

    ``by_hand``: steps for what cannot be fetched. ``present``: what is in the data set's folder after them.
    """

    page: str
    terms: str
    gigabytes: float | None
    files: list[File]
    splits: list[File]
    by_hand: list[str]
    present: list[str]


Sources = dict[str, Source]
"""{registered name: source}."""


def read_sources() -> Sources:
    table = json.loads(SOURCES.read_text(encoding="utf-8"))
    return {name: entry for name, entry in table.items() if not name.startswith("_")}
