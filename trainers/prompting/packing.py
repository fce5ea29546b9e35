"""Prompts of many classes as one sequence of tokens: what all of them share is there once, and nothing is padded.

Under a causal mask the hidden state of a token depends on the tokens up to it alone. So the tokens that all prompts
begin with, their prefix, have the same hidden states in every layer, and of n prompts the text tower needs

    prefix | suffix of prompt 1 | suffix of prompt 2 | ... | suffix of prompt n     p + m_1 + ... + m_n tokens

instead of n times the longest. Layer norms, projections and MLPs work token by token and take this sequence as it is.
In attention a token of the prefix sees the prefix up to itself, and a token of a suffix sees the whole prefix and its
own suffix up to itself. Suffixes of one length m lie next to each other and are one call, with p + m keys each.
Nothing behind end-of-text is ever read, and equal prompts are encoded once.
"""
import functools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class Prompts(NamedTuple):
    """Embedded prompts, each a list of rows of one table: what two prompts share, learned or frozen, is the same row.

    Attributes:
        vectors: the table, shape (rows, width).
        rows: int64 (n, length), on the host: the rows from start-of-text to end-of-text of each prompt, then -1.
    """

    vectors: torch.Tensor
    rows: np.ndarray

    def embedded(self) -> torch.Tensor:
        """The prompts one by one, shape (n, length, width), with row 0 of the table behind end-of-text."""
        return look_up(self.vectors, torch.as_tensor(self.rows.clip(0), device=self.vectors.device))


def look_up(table: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Rows of a table (n, ..., width), shape (*rows.shape, ..., width).

    Their gradient adds up in a fixed order, on CUDA too.
    """
    return F.embedding(rows, table.flatten(1)).unflatten(-1, table.shape[1:])


def room(lengths: np.ndarray, device: torch.device) -> np.ndarray:
    """How many tokens suffixes of some lengths take in a sequence.

    As many as they have on a CPU. Elsewhere a few large kernels are faster than many small ones: a power of two.
    """
    return lengths if device.type == "cpu" else 2 ** np.ceil(np.log2(lengths)).astype(int)


@dataclass(frozen=True)
class Group:
    """Suffixes of one length.

    Attributes:
        prompts, length: how many, and how many tokens each has.
        causal: bool (length, keys), the keys that each token sees.
        ends: bool (prompts, 1, 1, keys), the keys that end-of-text sees; None: all.
    """

    prompts: int
    length: int
    causal: torch.Tensor
    ends: torch.Tensor | None


class Packing:
    """Where the tokens of some prompts lie in one sequence; made of the names alone, so it can be kept.

    A suffix is filled up to its ``room`` by copies of end-of-text that no other token sees.

    Args:
        rows: those of ``Prompts``, in order of length, no two equal.

    Attributes:
        prefix: number of tokens that all prompts begin with; end-of-text does not count.
        rows, positions: int64 (tokens,): row in the table and position in its prompt of each token.
        causal: bool (prefix, prefix), the keys that each token of the prefix sees. groups: the suffixes behind it.
        ends: int64 (n,), where each prompt's end-of-text lies.
    """

    def __init__(self, rows: np.ndarray, device: torch.device) -> None:
        tensor = functools.partial(on_device, device=device)
        self.prefix = shared_prefix(rows)
        lengths = (rows >= 0).sum(axis=1) - self.prefix
        filled = room(lengths, device)
        shared, offsets = np.arange(self.prefix), np.arange(filled.max())
        positions = self.prefix + np.minimum(offsets, lengths[:, None] - 1)
        is_token = offsets < filled[:, None]
        self.rows = tensor(np.concatenate([rows[0, shared], np.take_along_axis(rows, positions, axis=1)[is_token]]))
        self.positions = tensor(np.concatenate([shared, positions[is_token]]))
        self.ends = tensor(self.prefix + filled.cumsum() - filled + lengths - 1)
        self.causal = tensor(shared <= shared[:, None])
        self.groups = []
        for length in np.unique(filled):
            ends, keys = lengths[filled == length], np.arange(self.prefix + length)
            self.groups.append(Group(
                len(ends), int(length), tensor(keys <= self.prefix + np.arange(length)[:, None]),
                tensor(keys < self.prefix + ends[:, None])[:, None, None] if (ends < length).any() else None))

    def attention(self, module: nn.MultiheadAttention, queries: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Self-attention of the sequence, or of several with the same packing side by side.

        Args:
            queries: the sequence itself, or its end-of-text tokens alone (n, width). tokens: the sequence (tokens,
                width). Of several, (n, sequences, width) and (tokens, sequences, width); attention takes the heads of
                all as those of one.

        Returns:
            Tensor of the shape of ``queries``.
        """
        width, heads, weight, bias = tokens.shape[-1], module.num_heads, module.in_proj_weight, module.in_proj_bias
        query = F.linear(queries, weight[:width], bias[:width]).view(len(queries), -1, width // heads)
        key_value = F.linear(tokens, weight[width:], bias[width:]).view(len(tokens), -1, 2, heads, width // heads)
        key_value = key_value.transpose(1, 2).flatten(2, 3)  # (tokens, 2, sequences * heads, dimension)
        sizes, whole = [group.prompts * group.length for group in self.groups], queries is tokens
        prefix, *suffixes = key_value.split([self.prefix, *sizes])
        of_prefix, *of_groups = query.split(
            [self.prefix, *sizes] if whole else [0, *(group.prompts for group in self.groups)])
        mixed = [_attend(of_prefix[None], prefix[None], self.causal)] if len(of_prefix) else []
        for group, of_group, suffix in zip(self.groups, of_groups, suffixes, strict=True):
            own = suffix.view(group.prompts, group.length, *suffix.shape[1:])
            seen = torch.cat([prefix.expand(group.prompts, *prefix.shape), own], dim=1)
            query = of_group.view(group.prompts, -1, *of_group.shape[1:])
            mixed.append(_attend(query, seen, group.causal if whole else group.ends))
        return F.linear(torch.cat(mixed).view_as(queries), module.out_proj.weight, module.out_proj.bias)


def _attend(query: torch.Tensor, key_value: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """(n * tokens, width) of query (n, tokens, heads, dimension) and key_value (n, keys, 2, heads, dimension)."""
    key, value = key_value.transpose(1, 3).unbind(2)
    mixed = F.scaled_dot_product_attention(query.transpose(1, 2), key, value, attn_mask=mask)
    return mixed.transpose(1, 2).flatten(0, 1).flatten(1)


def shared_prefix(rows: np.ndarray) -> int:
    """Number of tokens that all prompts begin with, at most all but end-of-text; ``rows`` as in ``Prompts``."""
    same = (rows == rows[0]).all(axis=0)
    return int(min(np.append(same, False).argmin(), (rows >= 0).sum(axis=1).min() - 1))


def pack(rows: np.ndarray, device: torch.device, tokens: int) -> tuple[list[Packing], torch.Tensor]:
    """Sequences of about ``tokens`` tokens at most that hold some prompts, the short ones first.

    Args:
        rows: those of ``Prompts``.

    Returns:
        (sequences, int64 (n,): which of their prompts, one sequence behind the other, each of the n is)
    """
    rows, which = np.unique(rows, axis=0, return_inverse=True)
    lengths = (rows >= 0).sum(axis=1)
    order = lengths.argsort(kind="stable")
    ends = (lengths[order] - shared_prefix(rows)).cumsum()
    parts = (ends - 1) * -(-ends[-1] // tokens) // ends[-1]  # as even as can be
    sequences = [Packing(part, device) for part in np.split(rows[order], np.flatnonzero(np.diff(parts)) + 1)]
    return sequences, on_device(order.argsort()[which.reshape(-1)], device)


def on_device(array: np.ndarray, device: torch.device) -> torch.Tensor:
    """A copy of an array on a device, for which neither waits: MAO packs the prompts of each batch anew."""
    return torch.tensor(array).to(device, non_blocking=device.type == "cuda")
