"""Prompt strings and their tokens."""
import functools

import torch

from compat.errors import UserError

from .clip_package import SimpleTokenizer


@functools.cache
def _bpe() -> SimpleTokenizer:
    return SimpleTokenizer()  # reading the vocabulary takes a second, so only once and only when needed


def plain_name(classname: str) -> str:
    """Class name as it stands in a prompt: underscores become spaces."""
    return classname.replace("_", " ")


def name_length(classname: str) -> int:
    """Number of BPE tokens of a class name alone."""
    return len(_bpe().encode(plain_name(classname)))


def tokenize(texts: list[str], context_length: int) -> torch.Tensor:
    """Tokens of n texts, cut to the longest text: a causal text tower gives the same features for any longer padding.

    Args:
        context_length: most tokens the model takes, start and end of text included (77 for OpenAI's models).

    Returns:
        int64 tensor of shape (n, length of the longest text), zero-padded.

    Raises:
        UserError: a text has more tokens than ``context_length``.
    """
    bpe = _bpe()
    start, end = bpe.encoder["<|startoftext|>"], bpe.encoder["<|endoftext|>"]
    rows = [[start, *bpe.encode(text), end] for text in texts]
    longest = max(range(len(rows)), key=lambda k: len(rows[k]))
    if len(rows[longest]) > context_length:
        raise UserError(
            f"the prompt {texts[longest]!r} has {len(rows[longest])} tokens, and the model takes {context_length}: "
            "use fewer context tokens (N_CTX, CTX_INIT) or a shorter class name"
        )
    tokens = torch.zeros(len(rows), len(rows[longest]), dtype=torch.int64)
    for row, ids in zip(tokens, rows, strict=True):
        row[: len(ids)] = torch.tensor(ids)
    return tokens


def end_of_text(tokens: torch.Tensor) -> torch.Tensor:
    """Position of the end-of-text token, the largest id of each row; int64 (n,) of tokens (n, length)."""
    return tokens.argmax(dim=-1)
