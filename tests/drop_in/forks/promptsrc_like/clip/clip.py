"""A tokenizer of words and a loader, under the names of the clip package."""
import zlib

import torch

from .model import build_model

__all__ = ["build_model", "tokenize"]

CONTEXT, VOCABULARY = 16, 500


def tokenize(texts, context_length=CONTEXT, truncate=False):
    texts = [texts] if isinstance(texts, str) else texts
    tokens = torch.zeros(len(texts), context_length, dtype=torch.long)
    for row, text in enumerate(texts):
        words = text.replace(".", " .").split()
        ids = [VOCABULARY - 2, *(zlib.crc32(word.encode()) % (VOCABULARY - 3) + 1 for word in words), VOCABULARY - 1]
        tokens[row, :len(ids)] = torch.tensor(ids)
    return tokens
