"""The small CLIP's architecture: OpenAI's own model class at a small size, and how its weights start."""
import torch
from clip.model import CLIP, Transformer

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


def build() -> CLIP:
    """A small CLIP with fresh weights, float32."""
    model = CLIP(**SIZES)
    for transformer in (model.visual.transformer, model.transformer):
        _initialise(transformer)
    with torch.no_grad():
        model.visual.conv1.weight.copy_(cosine_patches(*model.visual.conv1.weight.shape[::3]))
    return model


def cosine_patches(filters: int, side: int) -> torch.Tensor:
    """Patch filters to start from: the lowest frequencies of a two-dimensional cosine transform, without the mean.

    With random filters the constant white of the paper drowns the drawing, and learning begins much later.

    Returns:
        float32 (filters, 3, side, side), the three colours alike.
    """
    position = (torch.arange(side) + 0.5) / side
    waves = torch.cos(torch.pi * torch.arange(side)[:, None] * position[None]) * (2 / side) ** 0.5
    waves[0] *= 0.5 ** 0.5
    order = sorted(((u, v) for u in range(side) for v in range(side) if u + v > 0), key=lambda f: (f[0] + f[1], f))
    basis = torch.stack([torch.outer(waves[u], waves[v]) for u, v in order[:filters]])
    return 0.1 / 3 * basis.unsqueeze(1).repeat(1, 3, 1, 1)


@torch.no_grad()
def _initialise(transformer: Transformer) -> None:
    """Start with small residual branches: with PyTorch's defaults the image tower does not begin to learn."""
    width, layers = transformer.width, transformer.layers
    for block in transformer.resblocks:
        block.attn.in_proj_weight.normal_(std=width ** -0.5)
        block.attn.out_proj.weight.normal_(std=width ** -0.5 * (2 * layers) ** -0.5)
        block.mlp.c_fc.weight.normal_(std=(2 * width) ** -0.5)
        block.mlp.c_proj.weight.normal_(std=width ** -0.5 * (2 * layers) ** -0.5)
        for bias in (block.attn.in_proj_bias, block.attn.out_proj.bias, block.mlp.c_fc.bias, block.mlp.c_proj.bias):
            bias.zero_()
