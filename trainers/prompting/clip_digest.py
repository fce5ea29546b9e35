"""Which weights a CLIP has, wherever their file lies."""
import functools
import hashlib
import os

from .clip_files import BUNDLED
from .clip_package import openai_clip


def weights_digest(name: str) -> str:
    """SHA-256, as hex digits, of the file of weights called ``name``; "" if there is no such name and no such file.

    OpenAI's files need not be there: their addresses state it, and the clip package verifies it.
    """
    if name in openai_clip._MODELS:
        return openai_clip._MODELS[name].split("/")[-2]
    return file_digest(str(BUNDLED.get(name, name)))


def file_digest(path: str) -> str:
    """SHA-256, as hex digits, of a file's contents; "" if there is no such file, or it cannot be read."""
    try:
        stat = os.stat(path)
        return _digest(path, stat.st_size, stat.st_mtime_ns) if os.path.isfile(path) else ""
    except (OSError, ValueError):
        return ""


@functools.cache
def _digest(path: str, size: int, changed: int) -> str:
    """``size`` and ``changed`` (time of the last change) are there for the cache: a plan asks for each of its jobs."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(2**20):
            digest.update(chunk)
    return digest.hexdigest()
