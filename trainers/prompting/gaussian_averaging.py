"""Gaussian averaging of prompts over epochs (PromptSRC, section 3.3: "GPA")."""
import math


def epoch_weights(epochs, mean, std):
    """Weights of the epochs 1..``epochs``: normal density at the epoch number, divided by their sum; list of floats."""
    # The exponents are shifted by the largest one, so that weights far from the mean do not all become 0.
    exponents = [-0.5 * ((epoch - mean) / std) ** 2 for epoch in range(1, epochs + 1)]
    densities = [math.exp(exponent - max(exponents)) for exponent in exponents]
    return [density / sum(densities) for density in densities]


class GaussianAverage:
    """Running weighted sum of state dicts, one an epoch.

    Upstream averages the whole model, frozen weights included; here it is what the state dict holds, the learnable
    parameters. Its state can be saved, so a resumed run averages over all epochs (upstream's forgets the earlier ones).
    """

    def __init__(self, epochs, mean, std):
        self.weights = epoch_weights(epochs, mean, std)
        self.added = 0
        self.sum = {}

    def add(self, state):
        """Add the state after the next epoch."""
        weight = self.weights[self.added]
        for key, value in state.items():
            weighted = value.detach() * weight
            self.sum[key] = weighted if self.added == 0 else self.sum[key] + weighted
        self.added += 1

    @property
    def complete(self):
        return self.added == len(self.weights)

    def state_dict(self):
        return {"added": self.added, "sum": self.sum}

    def load_state_dict(self, state):
        self.added = state["added"]
        self.sum = dict(state["sum"])
