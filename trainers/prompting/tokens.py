"""Prompt strings and their tokens."""
import contextlib
import functools
import reprlib
from collections.abc import Iterator
from contextvars import ContextVar

import numpy as np
import torch

from compat.errors import UserError

from .clip_package import SimpleTokenizer, openai_clip

LONGEST_TOKEN = 20  # characters; the tokens of real text have four. The time to find tokens grows with the square
SHORTER = "use fewer context tokens (N_CTX, CTX_INIT) or a shorter class name"

_CUT: ContextVar[bool] = ContextVar("cut", default=False)


@contextlib.contextmanager
def long_texts_cut() -> Iterator[None]:
    """In the block, what a text has too many tokens is cut off in front of end-of-text, instead of being refused."""
    token = _CUT.set(True)
    try:
        yield
    finally:
        _CUT.reset(token)


@functools.cache
def _bpe() -> SimpleTokenizer:
    # Reading the vocabulary takes a while: the clip package has done it when it was imported.
    return getattr(openai_clip, "_tokenizer", None) or SimpleTokenizer()


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
        UserError: a text has more tokens than ``context_length``, or one of the tokens that mark start and end.
    """
    bpe = _bpe()
    start, end = bpe.encoder["<|startoftext|>"], bpe.encoder["<|endoftext|>"]
    rows = []
    for text in texts:
        if _CUT.get():
            text = text[:LONGEST_TOKEN * context_length]
        if len(text) > LONGEST_TOKEN * context_length:
            raise UserError(f"the prompt {reprlib.repr(text)} has {len(text):,} characters, more than {context_length} "
                            f"tokens hold: {SHORTER}")
        ids = bpe.encode(text)[:context_length - 2 if _CUT.get() else None]
        if len(ids) + 2 > context_length:
            raise UserError(f"the prompt {text[:200]!r} has {len(ids) + 2} tokens, and the model takes "
                            f"{context_length}: {SHORTER}")
        if start in ids or end in ids:
            raise UserError(f"the prompt {text!r} holds <|startoftext|> or <|endoftext|>, which mark the ends of a "
                            "text: leave them out")
        rows.append([start, *ids, end])
    tokens = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.int64)
    for row, ids in zip(tokens, rows, strict=True):
        row[: len(ids)] = torch.tensor(ids)
    return tokens


def end_of_text(tokens: torch.Tensor) -> torch.Tensor:
    """Position of the end-of-text token, the largest id of each row; int64 (n,) of tokens (n, length)."""
    return tokens.argmax(dim=-1)


def up_to_end(rows: np.ndarray, tokens: torch.Tensor) -> np.ndarray:
    """``rows`` (n, length), one number for each token, with -1 behind end-of-text; tokens (n, length or more)."""
    return np.where(np.arange(rows.shape[1]) <= end_of_text(tokens).cpu().numpy()[:, None], rows, -1)


def token_text(token: int) -> str:
    """A token as text: a whole word, or the end of one, as it is; the beginning or middle of a word ends in "…"."""
    bpe = _bpe()
    text = bpe.decode([token])
    return text.rstrip() if bpe.decoder[token].endswith("</w>") or text.startswith("<|") else f"{text}…"


def tokens_of(text: str) -> list[int]:
    """The tokens of a text, without start and end."""
    return _bpe().encode(text)
