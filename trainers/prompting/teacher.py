"""Frozen text features that PromptSRC's prompts are kept close to: the mean over a list of templates."""
import hashlib
import json
import os
from pathlib import Path

import numpy as np
import torch

from .encoders import TextEncoder, embed_tokens
from .templates import fill
from .tokens import tokenize


def mean_text_features(clip_model, classnames, templates, batch_size=512):
    """Mean over templates of the un-normalised text features of plain prompts, fp32 (classes, embedding dimension).

    Computed in batches once and kept on disk, keyed by class names, templates and the text tower's weights.
    """
    path = cache_folder() / f"{cache_key(clip_model, classnames, templates)}.npy"
    try:
        return torch.from_numpy(np.load(path, allow_pickle=False))
    except (OSError, ValueError):  # not there, or cut short
        pass
    features = encode(clip_model, classnames, templates, batch_size)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.npy")
        np.save(temporary, features.numpy())
        os.replace(temporary, path)
    except OSError as error:
        print(f"teacher's text features not kept in {path.parent} ({error.strerror}); they are computed anew next time")
    return features


@torch.no_grad()
def encode(clip_model, classnames, templates, batch_size):
    encoder = TextEncoder(clip_model)
    device = encoder.text_projection.device
    total = 0
    for template in templates:
        tokens = tokenize(fill(template, classnames), clip_model.context_length)
        parts = [part.to(device) for part in tokens.split(batch_size)]
        total = total + torch.cat([encoder(embed_tokens(clip_model, part), part).float() for part in parts])
    return (total / len(templates)).cpu()


def cache_folder():
    """Folder of kept features: MAO_CACHE in the environment, else ~/.cache/mao-for-dassl."""
    return Path(os.environ.get("MAO_CACHE", "~/.cache/mao-for-dassl")).expanduser() / "teacher"


def cache_key(clip_model, classnames, templates):
    """SHA-256 of class names, templates and the frozen weights of the text tower, as hex digits."""
    digest = hashlib.sha256(json.dumps([list(classnames), list(templates)]).encode())
    for name, value in sorted(clip_model.state_dict().items()):
        if not name.startswith("visual."):
            digest.update(name.encode())
            digest.update(value.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes()
                          if value.dim() else str(value.item()).encode())
    return digest.hexdigest()
