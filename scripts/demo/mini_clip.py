"""The small CLIP's architecture: OpenAI's own model class at a small size, and how its weights start."""

import torch
from clip.model import CLIP

SIZES = {
    "embed_dim": 128,
    "image_resolution": 64,
    "vision_layers": 4,
    "vision_width": 128,
    "vision_patch_size": 16,
    "context_length": 77,
    "vocab_size": 49408,
    "transformer_width": 128,
    "transformer_heads": 2,
    "transformer_layers": 4,
}


def build():
    """A small CLIP with fresh weights, float32."""
    model = CLIP(**SIZES)
    for transformer in (model.visual.transformer, model.transformer):
        _initialise(transformer)
    return model


@torch.no_grad()
def _initialise(transformer):
    """Start with small residual branches: with PyTorch's defaults the image tower does not begin to learn."""
    width, layers = transformer.width, transformer.layers
    for block in transformer.resblocks:
        block.attn.in_proj_weight.normal_(std=width ** -0.5)
        block.attn.out_proj.weight.normal_(std=width ** -0.5 * (2 * layers) ** -0.5)
        block.mlp.c_fc.weight.normal_(std=(2 * width) ** -0.5)
        block.mlp.c_proj.weight.normal_(std=width ** -0.5 * (2 * layers) ** -0.5)
        for bias in (block.attn.in_proj_bias, block.attn.out_proj.bias, block.mlp.c_fc.bias, block.mlp.c_proj.bias):
            bias.zero_()
