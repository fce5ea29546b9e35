"""Prompts of the two towers that are independent of each other: IVLP's and PromptSRC's, and in one tower VPT's.

The blocks hold the deep ones, under the upstream repositories' key names.
"""
import torch
from torch import nn

from .clip_package import CLIP
from .encoders import ImageEncoder, TextEncoder
from .model import PromptedCLIP
from .prompt_learner import PromptLearner, random_vectors


def add_deep_prompts(encoder: TextEncoder | ImageEncoder, depth: int, n_ctx: int, width: int) -> None:
    """Give a tower's blocks 1 to ``depth`` - 1 vectors ``VPT_shallow`` (n_ctx, width) of their own."""
    for block in encoder.transformer.resblocks[1:max(1, depth)]:
        block.VPT_shallow = nn.Parameter(random_vectors(n_ctx, width))


def add_image_prompts(encoder: ImageEncoder, depth: int, n_ctx: int) -> None:
    """Give an image tower ``VPT`` (n_ctx, width) behind the patches, and deep prompts; with depth 0 none at all."""
    width = len(encoder.class_embedding)
    if depth > 0:
        encoder.VPT = nn.Parameter(random_vectors(n_ctx, width))
    add_deep_prompts(encoder, depth, n_ctx, width)


def deep_prompts(encoder: TextEncoder | ImageEncoder) -> list[torch.Tensor]:
    """Vectors (n, width) of the second and further layers with prompts."""
    return [block.VPT_shallow for block in encoder.transformer.resblocks if hasattr(block, "VPT_shallow")]


def encode_with_prompts(encoder: ImageEncoder, image: torch.Tensor) -> torch.Tensor:
    """Un-normalised features (batch, embedding dimension) of images (batch, 3, side, side), with the tower's prompts.
    """
    return encoder(image, getattr(encoder, "VPT", None), deep_prompts(encoder))


class IndependentPromptsCLIP(PromptedCLIP):
    """CLIP with prompts of their own in both towers.

    Args:
        prompt_learner: with the text tower's first prompts.
        depth_text, depth_vision, n_ctx_vision: layers with prompts, and vectors in each of the image tower.
    """

    image_encoder: ImageEncoder

    def __init__(self, prompt_learner: PromptLearner, clip_model: CLIP, depth_text: int, depth_vision: int,
                 n_ctx_vision: int) -> None:
        super().__init__(prompt_learner, clip_model)
        add_image_prompts(self.image_encoder, depth_vision, n_ctx_vision)
        add_deep_prompts(self.text_encoder, depth_text, *prompt_learner.ctx.shape)

    def text_prompts(self) -> list[torch.Tensor]:
        return [self.prompt_learner.ctx, *deep_prompts(self.text_encoder)]

    def encode_images(self, image: torch.Tensor) -> torch.Tensor:
        return encode_with_prompts(self.image_encoder, image)
