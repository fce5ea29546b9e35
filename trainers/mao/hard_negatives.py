"""DDE-base: which classes are hard to tell apart, and which of them join a batch."""
from __future__ import annotations

import random
import warnings

import torch

MIN_NEGATIVES = 2
"""An anchor that adds fewer classes than this is filled up with random ones."""


def hard_negative_table(similarity: torch.Tensor, topk: int) -> list[list[int]]:
    """Hard negatives of each class, most similar first.

    Args:
        similarity: float tensor (C, C); row a holds the similarity of anchor class a to every class.
        topk: K, the class itself included; clipped to C with a warning (the released code fails there).

    Returns:
        List of C lists of labels. The class itself is left out, so a list has K - 1 labels, or K where a class is
        not among its own K most similar.
    """
    n_cls = similarity.shape[1]
    if topk > n_cls:
        warnings.warn(f"MAO.TOPK {topk} is more than the {n_cls} classes: using {n_cls}", stacklevel=2)
        topk = n_cls
    nearest = torch.sort(similarity, dim=1, descending=True, stable=True).indices[:, :topk].tolist()
    return [[label for label in row if label != anchor] for anchor, row in enumerate(nearest)]


def compose_labels(anchors: list[int], table: list[list[int]], rng: random.Random) -> list[list[int]]:
    """Labels that DDE-base adds to a batch of anchors.

    Each anchor in turn adds those of its hard negatives that are not yet among the batch's labels (all anchors count
    from the start), and random classes up to ``MIN_NEGATIVES`` as long as any are left. The released code can never
    draw class 0 for this; here every class can be drawn.

    Args:
        anchors: B labels. table: see ``hard_negative_table``. rng: source of the random classes.

    Returns:
        List of B lists: the labels that each anchor adds.
    """
    used = set(anchors)
    added = []
    for anchor in anchors:
        negatives = [label for label in table[anchor] if label not in used]
        used.update(negatives)
        missing = MIN_NEGATIVES - len(negatives)
        if missing > 0:
            left = [label for label in range(len(table)) if label not in used]
            fill = rng.sample(left, min(missing, len(left)))
            used.update(fill)
            negatives += fill
        added.append(negatives)
    return added
