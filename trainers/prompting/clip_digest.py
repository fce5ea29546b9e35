"""Which weights a CLIP has, wherever their file lies."""
import contextlib
import functools
import hashlib
import os
import string
from collections.abc import Mapping

import torch
from torch import nn

from compat.cache import cache_folder
from compat.errors import UserError, WriteError
from compat.files import write_file

from .clip_files import BUNDLED, find_weights
from .clip_open_clip import PREFIX, split_name
from .clip_package import openai_clip

LARGE = 2**24  # bytes; a smaller file is read in no time


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
        return _digest(path, stat) if os.path.isfile(path) else ""
    except (OSError, ValueError):
        return ""


def _digest(path: str, stat: os.stat_result) -> str:
    """As ``file_digest``; that of a large file is remembered, as long as its size and its times stay the same."""
    place = [os.path.realpath(path), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]
    name = hashlib.sha256(repr(place).encode()).hexdigest()
    return _remembered(path, name) if stat.st_size >= LARGE else _computed(path)


@functools.cache  # a plan asks for each of its jobs
def _remembered(path: str, name: str) -> str:
    kept = cache_folder("digests") / name
    with contextlib.suppress(OSError, ValueError):
        text = kept.read_text(encoding="ascii")
        if len(text) == 64 and set(text) <= set(string.hexdigits):
            return text
    digest = _computed(path)
    with contextlib.suppress(WriteError):
        write_file(kept, digest)
    return digest


def _computed(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(2**20):
            digest.update(chunk)
    return digest.hexdigest()


def module_digest(module: nn.Module, tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256, as hex digits, of what a module computes with: tensors by name, its layers, and their heads."""
    heads = [getattr(part, "num_heads", None) for part in module.modules()]
    digest = hashlib.sha256(f"{module} {heads}\n".encode())
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
