"""Storing the small CLIP: OpenAI's state-dict keys as half-precision arrays, without the token rows nobody needs."""
from collections.abc import Mapping, Sequence
from pathlib import Path

import clip
import numpy as np
import torch
from clip.model import CLIP

from compat.files import atomic_write


def used_tokens(texts: Sequence[str]) -> torch.Tensor:
    """Ids of all tokens of the texts, with start, end and padding: int (n,), ascending."""
    ids = torch.cat([clip.tokenize(texts[i:i + 1024], truncate=True) for i in range(0, len(texts), 1024)])
    return torch.unique(ids)


def export(model: CLIP, kept_tokens: torch.Tensor) -> dict[str, np.ndarray]:
    """The model's state as numpy arrays: float16, logit_scale float32; rows of tokens that are not kept are zero."""
    state = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    rows = torch.zeros(len(state["token_embedding.weight"]), dtype=torch.bool)
    rows[kept_tokens] = True
    state["token_embedding.weight"][~rows] = 0
    return {name: tensor.numpy().astype(np.float32 if name == "logit_scale" else np.float16)
            for name, tensor in state.items()}


def save(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write the arrays atomically as a compressed .npz."""
    with atomic_write(path) as file:
        np.savez_compressed(file, allow_pickle=False, **dict(sorted(arrays.items())))


def load(path: Path) -> dict[str, torch.Tensor]:
    """State dict of float32 tensors from a stored .npz."""
    with np.load(path, allow_pickle=False) as arrays:
        return {name: torch.from_numpy(arrays[name].astype(np.float32)) for name in arrays.files}
