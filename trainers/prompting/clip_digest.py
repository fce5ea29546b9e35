"""Which weights a CLIP has, wherever their file lies."""
import functools
import hashlib
import os

from compat.errors import UserError

from .clip_files import BUNDLED, find_weights
from .clip_open_clip import PREFIX, split_name
from .clip_package import openai_clip


def weights_digest(name: str) -> str:
    """SHA-256, as hex digits, of the weights called ``name``; "" if there is no such name and no such file.

    Of weights in several files, or with a configuration beside them, it is that of all of these. OpenAI's and
    open_clip's need not be there: OpenAI's addresses state it, and the clip package verifies it; of open_clip's trained
    weights the name counts, since the package does not state it.
    """
    if name in openai_clip._MODELS:
        return openai_clip._MODELS[name].split("/")[-2]
    if name.startswith(PREFIX):
        try:
            architecture, tag, file = split_name(name)
        except UserError:
            return ""
        return digest_of(f"{architecture}/{tag}", *([file_digest(file)] if file else []))
    if name not in BUNDLED and not os.path.exists(name):
        return ""
    try:
        weights = find_weights(name)
    except UserError:
        return ""
    digests = [file_digest(str(file)) for file in (*weights.files, *weights.configs)]
    return digests[0] if len(digests) == 1 else digest_of(*digests)


def digest_of(*parts: str) -> str:
    """SHA-256, as hex digits, of some texts; "" if one of them is empty."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest() if all(parts) else ""


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
