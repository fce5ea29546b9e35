"""Distances between two sets of vectors."""
from typing import Literal

import torch
from torch.nn import functional as F

from ..utils.registry import check_availability


def euclidean_squared_distance(input1: torch.Tensor, input2: torch.Tensor) -> torch.Tensor:
    """Squared Euclidean distances (n, m) of vectors (n, dimension) and (m, dimension)."""
    squares = input1.square().sum(dim=1)[:, None] + input2.square().sum(dim=1)
    return squares - 2 * input1 @ input2.t()


def cosine_distance(input1: torch.Tensor, input2: torch.Tensor) -> torch.Tensor:
    """1 - cosine similarity, (n, m), of vectors (n, dimension) and (m, dimension)."""
    return 1 - F.normalize(input1, dim=1) @ F.normalize(input2, dim=1).t()


def compute_distance_matrix(input1: torch.Tensor, input2: torch.Tensor,
                            metric: Literal["euclidean", "cosine"] = "euclidean") -> torch.Tensor:
    """Distances (n, m) of vectors (n, dimension) and (m, dimension); "euclidean" is squared, as in Dassl.

    Raises:
        ValueError: the shapes do not fit. UnknownNameError: there is no such metric.
    """
    if input1.dim() != 2 or input2.dim() != 2 or input1.shape[1] != input2.shape[1]:
        raise ValueError(f"distances need two matrices of equal width, not {tuple(input1.shape)} and "
                         f"{tuple(input2.shape)}")
    metrics = {"euclidean": euclidean_squared_distance, "cosine": cosine_distance}
    check_availability(metric, list(metrics), what="metric")
    return metrics[metric](input1, input2)
