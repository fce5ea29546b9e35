"""The sizes of a CLIP, as the shapes of its weights tell them."""
from collections.abc import Mapping
from typing import Any

import torch

Sizes = dict[str, Any]
"""Arguments of ``clip.model.CLIP`` but for the heads, and ``text_mlp`` and ``image_mlp``, the widths of the MLPs."""


def sizes_of(state: Mapping[str, torch.Tensor]) -> Sizes:
    """Sizes from tensors under OpenAI's keys.

    Raises:
        ValueError, LookupError and others: the tensors are not those of a CLIP.
    """
    sizes: Sizes = {
        "embed_dim": state["text_projection"].shape[1],
        "context_length": state["positional_embedding"].shape[0],
        "vocab_size": state["token_embedding.weight"].shape[0],
        "transformer_width": state["ln_final.weight"].shape[0],
        "transformer_layers": _count(state, "transformer.resblocks."),
        "text_mlp": _mlp_width(state, "transformer."),
    }
    if sizes["context_length"] > 4096:  # its square is the size of a mask that no file holds
        raise ValueError(f"a context of {sizes['context_length']} tokens")
    if "visual.proj" in state:  # a ViT
        patch = state["visual.conv1.weight"].shape[-1]
        grid = round((state["visual.positional_embedding"].shape[0] - 1) ** 0.5)
        return {**sizes, "vision_layers": _count(state, "visual.transformer.resblocks."), "vision_patch_size": patch,
                "vision_width": state["visual.conv1.weight"].shape[0], "image_resolution": patch * grid,
                "image_mlp": _mlp_width(state, "visual.transformer.")}
    grid = round((state["visual.attnpool.positional_embedding"].shape[0] - 1) ** 0.5)
    return {**sizes, "vision_layers": tuple(_count(state, f"visual.layer{stage}.") for stage in (1, 2, 3, 4)),
            "vision_patch_size": None, "vision_width": state["visual.layer1.0.conv1.weight"].shape[0],
            "image_resolution": grid * 32, "image_mlp": None}


def tower_widths(sizes: Sizes) -> tuple[int, int]:
    """Widths of what the heads of (image tower, text tower) share; a ResNet has its attention in the last layer."""
    return sizes["vision_width"] * (32 if sizes["vision_patch_size"] is None else 1), sizes["transformer_width"]


def _mlp_width(state: Mapping[str, torch.Tensor], tower: str) -> int:
    return state[f"{tower}resblocks.0.mlp.c_fc.weight"].shape[0]


def _count(state: Mapping[str, torch.Tensor], prefix: str) -> int:
    """Number of layers whose keys start with ``prefix`` and a number."""
    number = len({key[len(prefix):].split(".")[0] for key in state if key.startswith(prefix)})
    if number > 200:
        raise ValueError(f"{number} layers {prefix}*")
    return number
