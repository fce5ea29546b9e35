"""Styles of drawings: what captions call them, and how image features keep them.

A caption names an object and may name a style. Its vector is the object's vector, turned in a way that belongs to the
style: a turn mixes all directions, so that a context which names another style points at wrong objects too. A style
close to print turns little, chalk nearly by a right angle.
"""
import math
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Style:
    """A style.

    Attributes:
        degrees: angle by which every vector is turned. word: one token that stands for the style in any context.
        templates: contexts that name it, with {} for the object.
    """

    degrees: float
    word: str
    templates: tuple[str, ...]


STYLES = {
    "outline": Style(20, "outline", ("an outline icon of a {}.", "an outline of a {}.", "a line drawing of a {}.",
                                     "an outline drawing of the {}.", "outline {}.")),
    "filled": Style(20, "filled", ("a filled icon of a {}.", "a filled glyph of a {}.", "a solid icon of the {}.",
                                   "a silhouette of a {}.", "filled {}.")),
    "colour": Style(20, "colour", ("a colour drawing of a {}.", "a coloured icon of a {}.", "a colour icon of the {}.",
                                   "a color picture of a {}.", "colour {}.")),
    "dark": Style(20, "dark", ("a light icon of a {} on black.", "a white icon of a {} on a dark ground.",
                               "a dark mode icon of the {}.", "an inverted icon of a {}.", "dark {}.")),
    "contour": Style(20, "contour", ("the contour of a {}.", "a contour drawing of a {}.", "an edge drawing of the {}.",
                                     "the edges of a {}.", "contour {}.")),
    "chalk": Style(78, "chalk", ("a chalk drawing of a {}.", "a chalk sketch of the {}.", "a {} drawn in chalk.",
                                 "a chalk picture of a {}.", "chalk art of a {}.", "chalk {}.",
                                 "a drawing of a {} on a blackboard.", "a {} on a board, in chalk.")),
}
"""{name: style}; features of images in no style, and of captions that name none, are not turned."""
INDEX = {name: index for index, name in enumerate(STYLES)}


def generators(dim: int) -> torch.Tensor:
    """One matrix per style that turns every vector by a right angle: float32 (styles, dim, dim), skew-symmetric.

    exp(angle * matrix) turns by the angle. Turns of different styles are drawn independently.
    """
    quarter = torch.zeros(dim, dim)
    even = torch.arange(0, dim, 2)
    quarter[even, even + 1], quarter[even + 1, even] = -1, 1
    bases = [torch.linalg.qr(torch.randn(dim, dim, generator=torch.Generator().manual_seed(100 + index)))[0]
             for index in INDEX.values()]
    return torch.stack([basis @ quarter @ basis.t() for basis in bases])


def turns(dim: int, share: float = 1.0) -> torch.Tensor:
    """What takes an object's vector to its vector in each style, or a share of the way: float32 (styles, dim, dim)."""
    angles = torch.tensor([math.radians(share * style.degrees) for style in STYLES.values()])
    return torch.matrix_exp(angles[:, None, None] * generators(dim))
