"""CLIP's towers for learnable prompts, on an unmodified clip package."""
import functools
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from .clip_package import CLIP, Transformer
from .packing import Packing, Prompts, look_up, pack
from .tokens import tokenize, up_to_end

DeepPrompts = Sequence[torch.Tensor]
"""Prompt vectors of shape (n, width) for blocks 1, 2, ...; block 0 gets its own with the input."""

Attention = Callable[[nn.MultiheadAttention, torch.Tensor, torch.Tensor], torch.Tensor]
"""From a block's module, the queries' tokens and all tokens to what attention adds to the former."""


def run_blocks(transformer: Transformer, x: torch.Tensor, attention: Attention,
               read: Callable[[torch.Tensor], torch.Tensor], deep_prompts: DeepPrompts = (),
               first: int = 0) -> torch.Tensor:
    """Apply a CLIP transformer block by block.

    The blocks' own forward would use the mask of full context length, and leaves no room for prompts between blocks;
    walking them admits packed sequences and deep prompts on an unmodified CLIP. The last block's queries, output and
    MLP are computed for the tokens that features are read from, and for no other.

    Args:
        x: tokens, shape (tokens, ..., width).
        attention: that of the tower.
        read: picks the tokens (k, ..., width) that features are read from out of all.
        deep_prompts: the k-th (from 0) overwrites n tokens before block k + 1.
        first: position of the first token that is overwritten; negative counts from the end.

    Returns:
        The tokens that are read, shape (k, ..., width).
    """
    for index, block in enumerate(transformer.resblocks):
        if 1 <= index <= len(deep_prompts):
            x = overwrite(x, deep_prompts[index - 1], first)
        queries = y = block.ln_1(x)
        if index == len(transformer.resblocks) - 1:
            x, queries = read(x), read(y)
        x = x + attention(block.attn, queries, y)
        x = x + block.mlp(block.ln_2(x))
    return x


def overwrite(x: torch.Tensor, vectors: torch.Tensor, first: int) -> torch.Tensor:
    """``x`` (tokens, ..., width) with the tokens from position ``first`` replaced by ``vectors`` (n, width), or by
    (n, ..., width).
    """
    first, n = first % len(x), len(vectors)
    vectors = vectors.to(x.dtype).view(n, *[1] * (x.dim() - vectors.dim()), *vectors.shape[1:]).expand(n, *x.shape[1:])
    return torch.cat([x[:first], vectors, x[first + n:]])


TOKENS = 6144
"""Tokens of a packed sequence unless a budget says otherwise: 1,000 classes with suffixes of six tokens."""

GRAPH_VALUES = 20
"""Values that the graph keeps for a token and a block, in widths: most are the MLP's."""

AUTOMATIC, NEVER = -1, 0
"""Values of TRAIN.TEXT_MEMORY_MB beside a number of MB."""


class TextEncoder(nn.Module):
    """Text tower that starts from embedded prompts instead of token ids; ``packing`` says how they go through it.

    Memory for training does not grow with the number of classes without end. Where the prompts take several sequences,
    each is encoded without a graph; once the gradient of the loss at its features is there, it is encoded again, with a
    graph that goes as soon as it was gone back through. The gradient is the same, for one more forward pass.

    Attributes:
        memory_mb: about how much memory one sequence's graph may take; AUTOMATIC: what ``TOKENS`` tokens take; NEVER:
            all prompts are one sequence in training.
    """

    def __init__(self, clip_model: CLIP) -> None:
        super().__init__()
        self.transformer = clip_model.transformer
        self.positional_embedding = clip_model.positional_embedding
        self.ln_final = clip_model.ln_final
        self.text_projection = clip_model.text_projection
        self.memory_mb = AUTOMATIC
        self._packed: tuple[tuple[np.ndarray, torch.device, int], tuple[list[Packing], torch.Tensor]] | None = None

    @property
    def dtype(self) -> torch.dtype:
        return self.text_projection.dtype

    def forward(self, prompts: Prompts | torch.Tensor, tokenized_prompts: torch.Tensor | None = None,
                deep_prompts: DeepPrompts = (), contexts: torch.Tensor | None = None) -> torch.Tensor:
        """Features of embedded prompts.

        Args:
            prompts: without positional embedding; a tensor (n, length, width), length up to the context length, is
                taken for prompts that share nothing.
            tokenized_prompts: of a tensor, int (n, length or more); only the end-of-text positions are read.
            deep_prompts: vectors (k, width) that overwrite positions 1 to k, which all prompts have to share, before
                blocks 1, 2, ...
            contexts: vectors (images, k, width) that stand at these positions from the start, others for each image.

        Returns:
            Un-normalised text features of shape (n, embedding dimension); with contexts (images, n, embedding
            dimension).
        """
        if not isinstance(prompts, Prompts):
            assert tokenized_prompts is not None, "a tensor of prompts needs its tokens"
            prompts = _one_by_one(prompts, tokenized_prompts)
        packings, which = self._packings(prompts.rows)
        pieces = [(packing, images) for images in self._image_groups(packings, contexts) for packing in packings]
        learnt = [tensor for tensor in (prompts.vectors, contexts, *deep_prompts) if tensor is not None]
        if len(pieces) > 1 and torch.is_grad_enabled() and any(tensor.requires_grad for tensor in learnt):
            parts = EncodedAgain.apply(self._encode, pieces, prompts.vectors, contexts, *deep_prompts)
        else:
            parts = [self._encode(piece, prompts.vectors, contexts, *deep_prompts) for piece in pieces]
        of_groups = [torch.cat(parts[k:k + len(packings)]) for k in range(0, len(parts), len(packings))]
        if contexts is None:
            return look_up(of_groups[0], which)
        return look_up(torch.cat(of_groups, dim=1), which).transpose(0, 1)

    def _image_groups(self, packings: list[Packing], contexts: torch.Tensor | None) -> list[slice]:
        """Which images' contexts go through the tower together: as many as a sequence may have tokens for."""
        if contexts is None:
            return [slice(0)]
        step = max(1, self._tokens() // sum(len(packing.rows) for packing in packings))
        return [slice(start, start + step) for start in range(0, len(contexts), step)]

    def _packings(self, rows: np.ndarray) -> tuple[list[Packing], torch.Tensor]:
        """``pack`` for this encoder; of the same rows as last time, it is kept."""
        made_for = rows, self.text_projection.device, self._tokens()
        if self._packed is None or self._packed[0][0] is not rows or self._packed[0][1:] != made_for[1:]:
            self._packed = made_for, pack(*made_for)
        return self._packed[1]

    def _tokens(self) -> int:
        """Most tokens of a sequence."""
        if self.memory_mb == AUTOMATIC or not torch.is_grad_enabled():
            return TOKENS
        if self.memory_mb == NEVER:
            return sys.maxsize
        values = GRAPH_VALUES * len(self.transformer.resblocks) * self.transformer.width
        return max(1, self.memory_mb * 2**20 // (values * self.text_projection.element_size()))

    def _encode(self, piece: tuple[Packing, slice], vectors: torch.Tensor, contexts: torch.Tensor | None,
                *deep_prompts: torch.Tensor) -> torch.Tensor:
        """Features of the prompts of one sequence, (prompts, embedding dimension) or, for the contexts of some images,
        (prompts, images, embedding dimension).
        """
        packing, images = piece
        overwriting = [*deep_prompts] if contexts is None else [contexts[0], *deep_prompts]
        if any(packing.prefix <= len(vectors) for vectors in overwriting):
            raise ValueError(f"deep prompts overwrite tokens that the prompts do not share: only {packing.prefix} are")
        x, positions = look_up(vectors, packing.rows), look_up(self.positional_embedding, packing.positions)
        if contexts is not None:
            first = contexts[images].transpose(0, 1)  # (k, images, width)
            x, positions = overwrite(x[:, None].expand(-1, first.shape[1], -1), first, first=1), positions[:, None]
        x = x + positions
        x = run_blocks(self.transformer, x.to(self.dtype), packing.attention, lambda x: look_up(x, packing.ends),
                       deep_prompts, first=1)
        return self.ln_final(x).to(self.dtype) @ self.text_projection


class EncodedAgain(torch.autograd.Function):
    """Features of several pieces (packed sequences), of which one at a time has a graph.

    Forward: features = encode(piece, inputs) of each, without a graph. Backward, from the gradient of the loss at the
    features: encode each again, go back through its graph, and drop it. The gradients at the inputs add up.
    """

    @staticmethod
    def forward(ctx: Any, encode: Callable[..., torch.Tensor], pieces: list, *inputs: torch.Tensor | None,
                ) -> tuple[torch.Tensor, ...]:
        device = next(tensor for tensor in inputs if tensor is not None).device.type
        ctx.encode, ctx.pieces = encode, pieces
        ctx.autocast = functools.partial(torch.autocast, device, torch.get_autocast_dtype(device),
                                         torch.is_autocast_enabled(device))
        ctx.save_for_backward(*inputs)
        return tuple(encode(piece, *inputs) for piece in pieces)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        inputs = [None if tensor is None else tensor.detach().requires_grad_() for tensor in ctx.saved_tensors]
        for piece, gradient in zip(ctx.pieces, gradients, strict=True):
            with torch.enable_grad(), ctx.autocast():
                features = ctx.encode(piece, *inputs)
            features.backward(gradient)
        return None, None, *(None if tensor is None else tensor.grad for tensor in inputs)


def _one_by_one(prompts: torch.Tensor, tokenized_prompts: torch.Tensor) -> Prompts:
    """Embedded prompts (n, length, width) as a table of which no two share a row."""
    n, length, width = prompts.shape
    rows = np.arange(n * length).reshape(n, length)
    return Prompts(prompts.reshape(-1, width), up_to_end(rows, tokenized_prompts))


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
            image: shape (batch, 3, side, side), of any floating-point dtype.
            prompts: vectors (n, width) put behind the patches before the first layer norm, or None.
            deep_prompts: vectors (n, width) that overwrite the last n tokens before blocks 1, 2, ...

        Returns:
            Un-normalised image features of shape (batch, embedding dimension).
        """
        patches = self.conv1(image.to(self.conv1.weight.dtype)).flatten(2).transpose(1, 2)  # (batch, patches, width)
        batch = len(patches)
        x = torch.cat([self.class_embedding.to(patches.dtype).expand(batch, 1, -1), patches], dim=1)
        x = x + self.positional_embedding.to(x.dtype)
        if prompts is not None:
            x = torch.cat([x, prompts.to(x.dtype).expand(batch, -1, -1)], dim=1)
        x = self.ln_pre(x).transpose(0, 1)  # (tokens, batch, width)
        first = -len(deep_prompts[0]) if len(deep_prompts) else 0
        x = run_blocks(self.transformer, x, _full_attention, _class_token, deep_prompts, first)
        return self.ln_post(x[0]) @ self.proj


def image_encoder(clip_model: CLIP) -> nn.Module:
    """From images (batch, 3, side, side) to un-normalised features: an ``ImageEncoder``, or a ResNet as it is."""
    return ImageEncoder(clip_model) if hasattr(clip_model.visual, "transformer") else clip_model.visual


def _full_attention(module: nn.MultiheadAttention, queries: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    return module(queries, tokens, tokens, need_weights=False)[0]


def _class_token(x: torch.Tensor) -> torch.Tensor:
    return x[:1]


def embed_tokens(clip_model: CLIP, tokens: torch.Tensor) -> torch.Tensor:
    """Embeddings of int64 tokens of any shape: shape (*tokens.shape, width), in the embedding table's dtype."""
    with torch.no_grad():
        return clip_model.token_embedding(tokens)


def normalize(features: torch.Tensor) -> torch.Tensor:
    """Features divided by their L2 norm along the last dimension (no epsilon, as in CLIP)."""
    return features / features.norm(dim=-1, keepdim=True)


@torch.no_grad()
def encode_texts(clip_model: CLIP, texts: list[str]) -> torch.Tensor:
    """Un-normalised text features of n plain prompts, shape (n, embedding dimension)."""
    tokens = tokenize(texts, clip_model.context_length)
    return TextEncoder(clip_model)(Prompts(clip_model.token_embedding.weight, up_to_end(tokens.numpy(), tokens)))
