"""Frozen text features that PromptSRC's prompts are kept close to: the mean over a list of templates."""
import functools
import hashlib
import json

import numpy as np
import torch

from compat.cache import cache_folder
from compat.errors import WriteError
from compat.files import atomic_write

from .clip_digest import module_digest
from .clip_package import CLIP
from .encoders import encode_texts
from .templates import fill


def mean_text_features(clip_model: CLIP, classnames: list[str], templates: list[str]) -> torch.Tensor:
    """Mean over templates of the un-normalised text features of plain prompts, fp32 (classes, embedding dimension).

    Computed once and kept on disk, keyed by class names, templates and the text tower's weights.
    """
    path = cache_folder("teacher") / f"{cache_key(clip_model, classnames, templates)}.npy"
    try:
        return torch.from_numpy(np.load(path, allow_pickle=False))
    except (OSError, ValueError):  # not there, or cut short
        features = encode(clip_model, classnames, templates)
    try:
        with atomic_write(path) as file:
            np.save(file, features.numpy())
    except WriteError as error:
        print(f"teacher's text features are not kept, and computed anew next time: {error}")
    return features


def encode(clip_model: CLIP, classnames: list[str], templates: list[str]) -> torch.Tensor:
    """What ``mean_text_features`` keeps."""
    features = (encode_texts(clip_model, fill(template, classnames)).float() for template in templates)
    return (functools.reduce(torch.add, features) / len(templates)).cpu()


def cache_key(clip_model: CLIP, classnames: list[str], templates: list[str]) -> str:
    """SHA-256 of class names, templates and the frozen text tower, as hex digits."""
    weights = {name: value for name, value in clip_model.state_dict().items() if not name.startswith("visual.")}
    tower = module_digest(clip_model.transformer, weights)
    return hashlib.sha256(json.dumps([list(classnames), list(templates), tower]).encode()).hexdigest()
