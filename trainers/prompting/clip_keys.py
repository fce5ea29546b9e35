"""The tensors of a CLIP under OpenAI's keys, whatever a file wraps them in and calls them."""
import re
from collections.abc import Mapping
from typing import Any

import torch

from compat.state_dicts import state_dict_of

WRAPPERS = ("state_dict", "model_state_dict", "model")
ANCHORS = ("visual.conv1.weight", "vision_model.embeddings.patch_embedding.weight")  # OpenAI's and Hugging Face's
PREFIX = re.compile(r"((module|model|clip)\.)*")

# Hugging Face's names of layers, in order: what stands on the left becomes what stands on the right.
RENAMED = [(re.compile(pattern), name) for pattern, name in (
    (r"^text_model\.embeddings\.token_embedding\.", "token_embedding."),
    (r"^text_model\.embeddings\.position_embedding\.weight$", "positional_embedding"),
    (r"^text_model\.final_layer_norm\.", "ln_final."),
    (r"^text_model\.encoder\.layers\.", "transformer.resblocks."),
    (r"^vision_model\.embeddings\.class_embedding$", "visual.class_embedding"),
    (r"^vision_model\.embeddings\.patch_embedding\.", "visual.conv1."),
    (r"^vision_model\.embeddings\.position_embedding\.weight$", "visual.positional_embedding"),
    (r"^vision_model\.pre_layrnorm\.", "visual.ln_pre."),
    (r"^vision_model\.post_layernorm\.", "visual.ln_post."),
    (r"^vision_model\.encoder\.layers\.", "visual.transformer.resblocks."),
    (r"\.layer_norm([12])\.", r".ln_\1."),
    (r"\.mlp\.fc1\.", ".mlp.c_fc."),
    (r"\.mlp\.fc2\.", ".mlp.c_proj."),
    (r"\.self_attn\.out_proj\.", ".attn.out_proj."),
)]
TRANSPOSED = {"text_projection.weight": "text_projection", "visual_projection.weight": "visual.proj"}


def openai_state(loaded: Any, source: str) -> Any:
    """What a file holds, as a dict with OpenAI's keys if it is a CLIP's; other things come back as they are.

    Args:
        source: path of the file, for errors.
    """
    while isinstance(loaded, Mapping) and (wrapper := next((key for key in WRAPPERS if key in loaded), None)):
        loaded = state_dict_of({"state_dict": loaded[wrapper]}, source)
    if not isinstance(loaded, Mapping) or not all(isinstance(key, str) for key in loaded):
        return loaded
    state = _without_prefix(dict(loaded))
    if ANCHORS[1] in state:
        state = _renamed(state)
    if "text.token_embedding.weight" in state:  # open_clip's models whose text tower is a module of its own
        state = {key.removeprefix("text."): value for key, value in state.items()}
    if getattr(state.get("logit_scale"), "shape", None) == (1,):  # as open_clip may keep it
        state["logit_scale"] = state["logit_scale"].reshape(())
    return state


def _without_prefix(state: dict[str, Any]) -> dict[str, Any]:
    """The entries behind the prefix of the image tower's first layer, if it is one that wrappers of a CLIP add."""
    for anchor in ANCHORS:
        for key in state:
            prefix = key.removesuffix(anchor)
            if prefix and prefix != key and PREFIX.fullmatch(prefix):
                return {name[len(prefix):]: value for name, value in state.items() if name.startswith(prefix)}
    return state


def _renamed(state: dict[str, Any]) -> dict[str, Any]:
    """Entries of a Hugging Face CLIP under OpenAI's keys; queries, keys and values become one tensor."""
    result: dict[str, Any] = {}
    for key, value in state.items():
        if key.endswith(".position_ids"):
            continue
        if key in TRANSPOSED:
            result[TRANSPOSED[key]] = value.t()
            continue
        for pattern, name in RENAMED:
            key = pattern.sub(name, key)
        result[key] = value
    for key in [key for key in result if ".self_attn.q_proj." in key]:
        parts = [result.pop(key.replace("q_proj", f"{part}_proj"), None) for part in "qkv"]
        layer, _, kind = key.partition(".self_attn.q_proj.")
        if all(isinstance(part, torch.Tensor) for part in parts):  # else it is missing, and said to be
            result[f"{layer}.attn.in_proj_{kind}"] = torch.cat(parts)
    return result
