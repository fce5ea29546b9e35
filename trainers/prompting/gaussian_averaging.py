"""Gaussian averaging of prompts over epochs (PromptSRC, section 3.3: "GPA")."""
import math
from collections.abc import Mapping
from typing import Any

import torch


def epoch_weights(epochs: int, mean: float, std: float) -> list[float]:
    """Weights of the epochs 1..``epochs``: the normal density at the epoch's number, divided by the sum of all."""
    # The exponents are shifted by the largest one, so that weights far from the mean do not all become 0.
    exponents = [-0.5 * ((epoch - mean) / std) ** 2 for epoch in range(1, epochs + 1)]
    largest = max(exponents)
    densities = [math.exp(exponent - largest) for exponent in exponents]
    total = sum(densities)
    return [density / total for density in densities]


class GaussianAverage:
    """Running weighted sum of state dicts, one per epoch.

    Upstream averages the whole model, frozen weights included; here it is what the state dict holds, the learnable
    parameters. Its state can be saved, so a resumed run averages over all epochs (upstream's forgets the earlier ones).
    """

    def __init__(self, epochs: int, mean: float, std: float) -> None:
        self.weights = epoch_weights(epochs, mean, std)
        self.added = 0
        self.sum: dict[str, torch.Tensor] = {}

    def add(self, state: Mapping[str, torch.Tensor]) -> None:
        """Add the state after the next epoch."""
        weight = self.weights[self.added]
        for key, value in state.items():
            weighted = value.detach() * weight
            self.sum[key] = weighted if self.added == 0 else self.sum[key] + weighted
        self.added += 1

    @property
    def complete(self) -> bool:
        return self.added == len(self.weights)

    def state_dict(self) -> dict[str, Any]:
        return {"added": self.added, "sum": self.sum}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if not 0 <= state["added"] <= len(self.weights):
            raise ValueError(f"an average over {state['added']} of {len(self.weights)} epochs")
        self.added = state["added"]
        self.sum = dict(state["sum"])
