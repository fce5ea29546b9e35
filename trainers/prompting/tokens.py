"""Prompt strings and their tokens."""
import torch

from compat.errors import UserError

from .clip_package import SimpleTokenizer

_tokenizer = None


def _bpe():
    global _tokenizer
    if _tokenizer is None:  # reading the vocabulary takes a second, so only once and only when needed
        _tokenizer = SimpleTokenizer()
    return _tokenizer


def plain_name(classname):
    """Class name as it stands in a prompt: underscores become spaces."""
    return classname.replace("_", " ")


def name_length(classname):
    """Number of BPE tokens of a class name alone."""
    return len(_bpe().encode(plain_name(classname)))


def tokenize(texts, context_length):
    """Tokens of texts, cut to the longest text: a causal text tower gives the same features for any longer padding.

    Args:
        texts: list of n strings.
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
    for row, ids in zip(tokens, rows):
        row[: len(ids)] = torch.tensor(ids)
    return tokens


def end_of_text(tokens):
    """Position of the end-of-text token, the largest id of each row; shape (n,)."""
    return tokens.argmax(dim=-1)
