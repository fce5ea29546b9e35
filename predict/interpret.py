"""Which words the learned vectors of a run's text prompts lie next to: Euclidean distances, as in CoOp's paper.

The words are the rows of CLIP's table of token embeddings, which the first layer's vectors stand among. Vectors of
deeper layers stand among hidden states, and are compared with the same table for want of words there; with the
hand-written words they are compared in their own layer.
"""
from dataclasses import dataclass
from typing import Any

import torch

from compat.errors import UserError

from .model import RunModel


@dataclass(frozen=True)
class Word:
    """A token of CLIP's, as text, and how far a vector is from it (Euclidean, in the units of the embeddings)."""

    token: int
    text: str
    distance: float


@dataclass(frozen=True)
class Vector:
    """A learned vector and the words around it.

    Attributes:
        layer: from 1. classname: whose vector it is; "" where all classes share it. number: its place, from 1.
        nearest: of the vocabulary, the nearest first. median: distance to the vocabulary's words, its median.
        zero_shot: the words of the data set's template, in their order; in deeper layers those in front of the name.
    """

    layer: int
    classname: str
    number: int
    nearest: tuple[Word, ...]
    median: float
    zero_shot: tuple[Word, ...]


@torch.no_grad()
def interpret(model: RunModel, topk: int = 5) -> list[Vector]:
    """The words around each learned vector of a run's text prompts, layer by layer.

    Raises:
        UserError: the run learns no vectors in the text tower.
    """
    from trainers.prompting.tokens import token_text  # once load_run has chosen the Dassl

    from .clip_words import words_of_run

    owner: Any = getattr(model.trainer, "model", None)
    if not hasattr(owner, "text_prompts"):
        raise UserError(f"{type(model.trainer).__name__} learns no vectors in the text tower, so there is nothing to "
                        "compare with words: give the run of a method that does, such as CoOp or MaPLe")
    (known, words), hand_written = words_of_run(model)

    def worded(tokens: list[int], distances: torch.Tensor) -> tuple[Word, ...]:
        return tuple(Word(token, token_text(token), distance)
                     for token, distance in zip(tokens, distances.tolist(), strict=True))

    found = []
    for layer, learned in enumerate(owner.text_prompts(), start=1):
        tokens, states = hand_written[layer - 1]
        by_class = zip(model.classnames, learned, strict=True) if learned.dim() == 3 else [("", learned)]
        for classname, vectors in by_class:
            for number, vector in enumerate(vectors.float().cpu(), start=1):
                to_words = (words - vector).norm(dim=1)
                nearest = to_words.topk(min(topk, len(words)), largest=False)
                found.append(Vector(
                    layer, classname, number, worded([known[row] for row in nearest.indices], nearest.values),
                    to_words.median().item(), worded(tokens, (states - vector).norm(dim=1))))
    return found
