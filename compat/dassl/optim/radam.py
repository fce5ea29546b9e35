"""Rectified Adam under Dassl's names, on torch's.

Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond", ICLR 2020, https://arxiv.org/abs/1908.03265.
"""
from collections.abc import Iterable
from typing import Any

import torch


class RAdam(torch.optim.RAdam):
    """torch's, with the weight decay beside the gradient as in Dassl's; in the first steps it is SGD with momentum."""

    def __init__(self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0, degenerated_to_sgd: bool = True) -> None:
        if not degenerated_to_sgd:
            raise ValueError("degenerated_to_sgd is False, which would leave the first steps out: torch's RAdam, which "
                             "this one is, takes them as SGD with momentum")
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, decoupled_weight_decay=True)


PlainRAdam = RAdam  # the same steps, written out in Dassl
