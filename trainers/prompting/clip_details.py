"""What the weights of a CLIP do not tell: the heads and activations of its towers, and how it takes images.

Shapes are the same for 16 heads of 80 and for 20 of 64, and for QuickGELU and GELU. A wrong guess computes features
without an error, so nothing is guessed: where neither a configuration nor the user says it, only the sizes of the
models that are known are taken for those models.
"""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from torch import nn

from compat.errors import UserError

from .clip_package import QuickGELU
from .clip_sizes import Sizes, tower_widths

Activation = Literal["quick_gelu", "gelu", "gelu_tanh"]
ACTIVATIONS = {"quick_gelu": QuickGELU, "gelu": nn.GELU, "gelu_tanh": partial(nn.GELU, approximate="tanh")}
VOCABULARY = 49408  # tokens of OpenAI's byte-pair encoding

# Layers, width and patch of the image tower; embedding dimension; width and layers of the text tower
KNOWN_SIZES = {
    ((3, 4, 6, 3), 64, None, 1024, 512, 12),  # RN50
    ((3, 4, 23, 3), 64, None, 512, 512, 12),  # RN101
    ((4, 6, 10, 6), 80, None, 640, 640, 12),  # RN50x4
    ((6, 8, 18, 8), 96, None, 768, 768, 12),  # RN50x16
    ((3, 15, 36, 10), 128, None, 1024, 1024, 12),  # RN50x64
    (12, 768, 32, 512, 512, 12),  # ViT-B/32
    (12, 768, 16, 512, 512, 12),  # ViT-B/16
    (24, 1024, 14, 768, 768, 12),  # ViT-L/14, also with 336 pixels
    (4, 128, 16, 128, 128, 4),  # Mini/16
}


@dataclass(frozen=True)
class Details:
    """What a configuration says of a CLIP.

    Attributes:
        heads: of the image and of the text tower. activations: of their MLPs.
        sizes: what it says of sizes, to be compared with the weights.
        mean, std: of the three channels that images are normalised with; () if it does not say.
    """

    heads: tuple[int, int]
    activations: tuple[Activation, Activation]
    sizes: Mapping[str, object] = field(default_factory=dict)
    mean: Sequence[float] = ()
    std: Sequence[float] = ()


def openai_details(sizes: Sizes) -> Details:
    """Those of OpenAI's models: heads are 64 wide, and activations are QuickGELU."""
    image, text = tower_widths(sizes)
    return Details((image // 64, text // 64), ("quick_gelu", "quick_gelu"))


def given_details(sizes: Sizes, source: str, heads: Sequence[int], activation: str, openais: bool) -> Details:
    """Details of a file without a configuration.

    Args:
        source: names the file in errors. heads, activation: MODEL.CLIP.HEADS and MODEL.CLIP.ACTIVATION, if given.
        openais: whether the file is known to be an archive of OpenAI's, whatever its sizes.

    Raises:
        UserError: something is neither given nor known from the sizes.
    """
    known = openais or is_known(sizes)
    missing = [key for key, value in (("MODEL.CLIP.HEADS", heads), ("MODEL.CLIP.ACTIVATION", activation)) if not value]
    if missing and not known:
        image, text = tower_widths(sizes)
        raise UserError(
            f"{source} does not say how many heads its towers ({image} and {text} wide) have and which activation, and "
            f"its sizes are those of no model of OpenAI's: give {' and '.join(missing)}, such as MODEL.CLIP.HEADS "
            f"'({max(1, image // 64)}, {max(1, text // 64)})' (image, text) and MODEL.CLIP.ACTIVATION gelu, or name "
            "its architecture, as in open_clip:ARCH@FILE"
        )
    usual = openai_details(sizes)
    one: Activation = activation or usual.activations[0]  # type: ignore[assignment]  # check_values allows no others
    image_heads, text_heads = heads or usual.heads
    return Details((image_heads, text_heads), (one, one))


def is_known(sizes: Sizes) -> bool:
    """Whether sizes are those of a model of OpenAI's, or of the bundled one."""
    key = tuple(sizes[name] for name in ("vision_layers", "vision_width", "vision_patch_size", "embed_dim",
                                         "transformer_width", "transformer_layers"))
    return (key in KNOWN_SIZES and sizes["text_mlp"] == 4 * sizes["transformer_width"]
            and sizes["image_mlp"] in (None, 4 * sizes["vision_width"]))


def check_details(details: Details, sizes: Sizes, source: str) -> None:
    """Raise UserError unless details and the sizes of the weights fit each other."""
    if sizes["vocab_size"] != VOCABULARY:
        raise UserError(f"{source} has a vocabulary of {sizes['vocab_size']:,} tokens, not OpenAI's {VOCABULARY:,}: "
                        "give a CLIP with OpenAI's tokens")
    for key, said in details.sizes.items():
        if sizes[key] != said:
            raise UserError(f"{source} has {key} {sizes[key]}, but its configuration says {said}: give the weights and "
                            "the configuration of one model")
    usual = openai_details(sizes).heads  # where a damaged file has no such, its layout is what is wrong
    for tower, width, heads, other in zip(("image", "text"), tower_widths(sizes), details.heads, usual, strict=True):
        if heads != other and (heads < 1 or width % heads):
            raise UserError(f"{source} has a {tower} tower that is {width} wide, which {heads} heads cannot share: "
                            "correct MODEL.CLIP.HEADS or its configuration")
