"""The CLIP that a run's config asks for, with images as it takes them."""
import torch
from torch.nn import functional as F
from yacs.config import CfgNode

from compat.errors import UserError

from .checks import check_input_size
from .clip_files import Weights, find_weights
from .clip_loading import clip_from_weights, image_resolution
from .clip_package import CLIP

DEFAULTS = CfgNode({
    "HEADS": (),  # of the image and of the text tower, for a file of weights without a configuration
    "ACTIVATION": "",  # quick_gelu, gelu or gelu_tanh, for the same
    "INTERPOLATE": False,  # take images of INPUT.SIZE, whatever the size of the weights' position embeddings
})
"""MODEL.CLIP."""


def configured_clip(cfg: CfgNode) -> CLIP:
    """As ``load_clip``, for MODEL.BACKBONE.NAME, MODEL.CLIP and INPUT of a config.

    Raises:
        UserError: as there, or INPUT does not fit the model.
    """
    options = cfg.MODEL.get("CLIP", DEFAULTS)
    weights = find_weights(cfg.MODEL.BACKBONE.NAME)
    check_normalisation(cfg, weights)
    clip_model = clip_from_weights(weights, options.HEADS, options.ACTIVATION)
    if options.INTERPOLATE:
        interpolate_positions(clip_model, *cfg.INPUT.SIZE)
    else:
        check_input_size(cfg, clip_model)
    return clip_model


def check_normalisation(cfg: CfgNode, weights: Weights) -> None:
    """Raise UserError unless images are normalised as the configuration of the weights says, if it says it."""
    if weights.details is None or "normalize" not in cfg.INPUT.TRANSFORMS:
        return
    for key, said in (("PIXEL_MEAN", weights.details.mean), ("PIXEL_STD", weights.details.std)):
        given = cfg.INPUT[key]
        if len(said) == 3 and any(abs(one - other) > 1e-3 for one, other in zip(said, given, strict=True)):
            raise UserError(f"INPUT.{key} is {list(given)}, but CLIP {cfg.MODEL.BACKBONE.NAME!r} was trained with "
                            f"{list(said)}: set INPUT.{key} '{list(said)}'")


@torch.no_grad()
def interpolate_positions(clip_model: CLIP, height: int, width: int) -> None:
    """Make the image tower take images of another size: interpolate its position embeddings to their patches.

    Bicubic with antialiasing, the class token's own left as it is, as open_clip does.

    Raises:
        UserError: the sides are no multiples of those of a patch.
    """
    visual = clip_model.visual
    patch, holder = ((visual.conv1.kernel_size[0], visual) if hasattr(visual, "transformer")
                     else (32, visual.attnpool))  # a ResNet's last feature map has a side of 1/32
    if height % patch or width % patch:
        near = tuple(max(1, round(side / patch)) * patch for side in (height, width))
        raise UserError(f"INPUT.SIZE is {(height, width)}, but the image tower takes whole patches of {patch}x{patch}: "
                        f"set INPUT.SIZE '{near}'")
    embedding = holder.positional_embedding
    side = image_resolution(clip_model) // patch
    if (height // patch, width // patch) == (side, side):
        return
    grid = embedding[1:].T.reshape(1, -1, side, side)
    grid = F.interpolate(grid, (height // patch, width // patch), mode="bicubic", antialias=True, align_corners=False)
    holder.positional_embedding = torch.nn.Parameter(
        torch.cat([embedding[:1], grid.flatten(2)[0].T]), requires_grad=False)
    visual.input_resolution = height
