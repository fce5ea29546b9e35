"""A tokenizer of words and a loader, under the names of the clip package."""
import torch

from .model import build_model
from .simple_tokenizer import SimpleTokenizer

__all__ = ["build_model", "tokenize"]

CONTEXT, VOCABULARY = 16, SimpleTokenizer.vocabulary


def tokenize(texts, context_length=CONTEXT, truncate=False):
    texts = [texts] if isinstance(texts, str) else texts
    tokens = torch.zeros(len(texts), context_length, dtype=torch.long)
    for row, text in enumerate(texts):
        ids = [VOCABULARY - 2, *SimpleTokenizer().encode(text), VOCABULARY - 1]
        tokens[row, :len(ids)] = torch.tensor(ids)
    return tokens
