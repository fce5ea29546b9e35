"""CLIP's towers for learnable prompts, on an unmodified clip package."""
from collections.abc import Sequence

import torch
from torch import nn

from .clip_package import CLIP, Transformer
from .tokens import end_of_text, tokenize

DeepPrompts = Sequence[torch.Tensor]
"""Prompt vectors of shape (n, width) for blocks 1, 2, ...; block 0 gets its own with the input."""


def run_blocks(transformer: Transformer, x: torch.Tensor, attention_mask: torch.Tensor | None = None,
               deep_prompts: DeepPrompts = (), first: int = 0) -> torch.Tensor:
    """Apply a CLIP transformer block by block.

    The blocks' own forward would use the mask of full context length, and leaves no room for prompts between blocks;
    walking them admits a cut sequence and deep prompts on an unmodified CLIP.

    Args:
        x: tokens of shape (length, batch, width), CLIP's order.
        attention_mask: additive mask of shape (length, length), or None.
        deep_prompts: the k-th (from 0) overwrites n tokens before block k + 1.
        first: position of the first token that is overwritten; negative counts from the end.

    Returns:
        Tensor of the shape of ``x``.
    """
    for index, block in enumerate(transformer.resblocks):
        if 1 <= index <= len(deep_prompts):
            x = overwrite(x, deep_prompts[index - 1], first)
        y = block.ln_1(x)
        x = x + block.attn(y, y, y, need_weights=False, attn_mask=attention_mask)[0]
        x = x + block.mlp(block.ln_2(x))
    return x


def overwrite(x: torch.Tensor, vectors: torch.Tensor, first: int) -> torch.Tensor:
    """``x`` (length, batch, width) with the tokens from position ``first`` replaced by ``vectors`` (n, width)."""
    first = first % len(x)
    vectors = vectors.to(x.dtype).unsqueeze(1).expand(-1, x.shape[1], -1)
    return torch.cat([x[:first], vectors, x[first + len(vectors):]])


class TextEncoder(nn.Module):
    """Text tower that starts from embedded prompts instead of token ids."""

    def __init__(self, clip_model: CLIP) -> None:
        super().__init__()
        self.transformer = clip_model.transformer
        self.positional_embedding = clip_model.positional_embedding
        self.ln_final = clip_model.ln_final
        self.text_projection = clip_model.text_projection

    @property
    def dtype(self) -> torch.dtype:
        return self.text_projection.dtype

    def forward(self, prompts: torch.Tensor, tokenized_prompts: torch.Tensor,
                deep_prompts: DeepPrompts = ()) -> torch.Tensor:
        """Features of embedded prompts.

        Args:
            prompts: shape (n, length, width), without positional embedding; length up to the context length.
            tokenized_prompts: int tensor of shape (n, length or more); only the end-of-text positions are read.
            deep_prompts: vectors (n, width) that overwrite positions 1 to n before blocks 1, 2, ...

        Returns:
            Un-normalised text features of shape (n, embedding dimension).
        """
        length = prompts.shape[1]
        x = (prompts + self.positional_embedding[:length]).to(self.dtype)
        mask = torch.full((length, length), float("-inf"), dtype=self.dtype, device=x.device).triu_(1)
        x = run_blocks(self.transformer, x.transpose(0, 1), mask, deep_prompts, first=1).transpose(0, 1)
        x = x[torch.arange(len(x), device=x.device), end_of_text(tokenized_prompts).to(x.device)]
        # Layer norm works row by row, so only the rows that are read need it.
        return self.ln_final(x).to(self.dtype) @ self.text_projection


class ImageEncoder(nn.Module):
    """Image tower that takes prompts behind the patches; the CLIP's has to be a ViT."""

    def __init__(self, clip_model: CLIP) -> None:
        super().__init__()
        visual = clip_model.visual
        self.conv1, self.transformer = visual.conv1, visual.transformer
        self.class_embedding, self.positional_embedding = visual.class_embedding, visual.positional_embedding
        self.ln_pre, self.ln_post, self.proj = visual.ln_pre, visual.ln_post, visual.proj

    def forward(self, image: torch.Tensor, prompts: torch.Tensor | None = None,
                deep_prompts: DeepPrompts = ()) -> torch.Tensor:
        """Features of images.

        Args:
            image: shape (batch, 3, side, side).
            prompts: vectors (n, width) put behind the patches before the first layer norm, or None.
            deep_prompts: vectors (n, width) that overwrite the last n tokens before blocks 1, 2, ...

        Returns:
            Un-normalised image features of shape (batch, embedding dimension).
        """
        patches = self.conv1(image).flatten(2).transpose(1, 2)  # (batch, patches, width)
        batch = len(patches)
        x = torch.cat([self.class_embedding.to(patches.dtype).expand(batch, 1, -1), patches], dim=1)
        x = x + self.positional_embedding.to(x.dtype)
        if prompts is not None:
            x = torch.cat([x, prompts.to(x.dtype).expand(batch, -1, -1)], dim=1)
        x = self.ln_pre(x).transpose(0, 1)  # (tokens, batch, width)
        first = -len(deep_prompts[0]) if len(deep_prompts) else 0
        x = run_blocks(self.transformer, x, deep_prompts=deep_prompts, first=first)
        return self.ln_post(x[0]) @ self.proj


def embed_tokens(clip_model: CLIP, tokens: torch.Tensor) -> torch.Tensor:
    """Embeddings of int64 tokens (n, length): shape (n, length, width), in the embedding table's dtype."""
    with torch.no_grad():
        return clip_model.token_embedding(tokens)


def normalize(features: torch.Tensor) -> torch.Tensor:
    """Features divided by their L2 norm along the last dimension (no epsilon, as in CLIP)."""
    return features / features.norm(dim=-1, keepdim=True)


@torch.no_grad()
def encode_texts(clip_model: CLIP, texts: list[str], batch_size: int = 512) -> torch.Tensor:
    """Un-normalised text features of n plain prompts, shape (n, embedding dimension), computed in batches."""
    encoder = TextEncoder(clip_model)
    tokens = tokenize(texts, clip_model.context_length).to(encoder.text_projection.device)
    return torch.cat([encoder(embed_tokens(clip_model, part), part) for part in tokens.split(batch_size)])
