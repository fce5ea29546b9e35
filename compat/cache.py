"""Where things that are computed once are kept: nothing in it is ever needed, and all of it may be deleted."""
import os
from pathlib import Path


def cache_folder(kind: str) -> Path:
    """The folder of a kind of things in MAO_CACHE of the environment, or else in ~/.cache/mao-for-dassl."""
    return Path(os.environ.get("MAO_CACHE") or "~/.cache/mao-for-dassl").expanduser() / kind
