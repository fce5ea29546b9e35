"""A CLIP of a few thousand weights, random but fixed, for tests that need any CLIP."""
import numpy as np
import torch

from trainers.prompting.clip_loading import clip_from_state_dict
from trainers.prompting.clip_package import CLIP

SIZES = dict(embed_dim=32, image_resolution=32, vision_layers=2, vision_width=64, vision_patch_size=16,
             context_length=77, vocab_size=49408, transformer_width=64, transformer_heads=1, transformer_layers=2)


def small_clip_state(seed=0, **changes):
    """State dict of the model; weights scaled so that images and texts are told apart."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = CLIP(**{**SIZES, **changes})
    state = model.state_dict()
    state["token_embedding.weight"] *= 10
    state["logit_scale"] = torch.tensor(np.log(100.0), dtype=torch.float32)
    # The entries of OpenAI's archives that are no weights: without them a file of such sizes has to be told more of.
    state.update(input_resolution=torch.tensor(32), context_length=torch.tensor(77), vocab_size=torch.tensor(49408))
    return state


def small_clip(seed=0, **changes):
    return clip_from_state_dict(small_clip_state(seed, **changes))
