"""Top-k accuracy."""
from collections.abc import Sequence

import torch


@torch.no_grad()
def compute_accuracy(output: torch.Tensor | Sequence[torch.Tensor], target: torch.Tensor,
                     topk: Sequence[int] = (1,)) -> list[torch.Tensor]:
    """Share of samples whose class is among the k highest scores.

    Args:
        output: scores of shape (batch, classes), or a tuple or list that starts with them.
        target: int64 of shape (batch,).
        topk: values of k, each at most the number of classes.

    Returns:
        For each k a float32 tensor of shape (1,), in per cent.
    """
    scores = output if isinstance(output, torch.Tensor) else output[0]
    ranked = scores.topk(max(topk), dim=1).indices
    hits = ranked.eq(target.view(-1, 1))
    return [hits[:, :k].sum().float().mul(100.0 / target.shape[0]).view(1) for k in topk]
