"""Dassl's plain classifier, by name only: repositories import it beside the trainers and then build their own model."""
from torch import nn

from compat.errors import UserError


class SimpleNet(nn.Module):
    """Not part of this engine: trainers here build a model of their own."""

    def __init__(self, *_: object, **__: object) -> None:
        raise UserError("SimpleNet is not part of the bundled engine: override build_model, or install Dassl")
