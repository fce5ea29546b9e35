"""Checks of config values before a model is built: what does not fit is refused in one sentence."""
from typing import Literal, get_args

from yacs.config import CfgNode

from compat.errors import UserError

from .clip_package import CLIP


def check_choice(key: str, value: str, choices: object) -> None:
    """Raise UserError unless the value of a config key is one of the words of ``choices``, a ``Literal`` type."""
    if value not in get_args(choices):
        raise UserError(f"{key} {value!r} is unknown: choose one of {', '.join(get_args(choices))}")


def check_context(key: str, vectors: int) -> None:
    """Raise UserError unless there is a context vector to learn."""
    if vectors < 1:
        raise UserError(f"{key} is {vectors}: give at least 1 context vector")


def check_input_size(cfg: CfgNode, clip_model: CLIP) -> None:
    """Raise UserError unless INPUT.SIZE is what the image tower takes."""
    side = clip_model.visual.input_resolution
    if tuple(cfg.INPUT.SIZE) != (side, side):
        raise UserError(
            f"INPUT.SIZE is {tuple(cfg.INPUT.SIZE)}, but CLIP {cfg.MODEL.BACKBONE.NAME!r} takes {side}x{side} images: "
            f"set INPUT.SIZE '({side}, {side})', or MODEL.CLIP.INTERPOLATE True"
        )


def check_depth(key: str, depth: int, clip_model: CLIP, tower: Literal["text", "image"], least: int = 1) -> None:
    """Raise UserError unless a tower has as many layers as get prompts, or if the image tower is a ResNet.

    Args:
        key, depth: config key and its value, the number of layers with prompts. least: smallest value that works.
    """
    transformer = getattr(clip_model if tower == "text" else clip_model.visual, "transformer", None)
    if transformer is None:
        raise UserError("VPT, IVLP, MaPLe and PromptSRC put prompts among image patches and need a ViT, but this "
                        "CLIP's image tower is a ResNet: choose a ViT as MODEL.BACKBONE.NAME, for example ViT-B/16")
    layers = len(transformer.resblocks)
    if not least <= depth <= layers:
        raise UserError(f"{key} is {depth}, but this CLIP's {tower} tower has {layers} layers: "
                        f"give {least} to {layers}")


def check_independent_prompts(node: str, options: CfgNode, clip_model: CLIP) -> None:
    """Raise UserError unless a CLIP can hold the prompts of both towers that a config node such as TRAINER.IVLP asks
    for.
    """
    check_context(f"{node}.N_CTX_TEXT", options.N_CTX_TEXT)
    check_depth(f"{node}.PROMPT_DEPTH_TEXT", options.PROMPT_DEPTH_TEXT, clip_model, "text")
    if options.PROMPT_DEPTH_VISION:
        check_context(f"{node}.N_CTX_VISION", options.N_CTX_VISION)
    check_depth(f"{node}.PROMPT_DEPTH_VISION", options.PROMPT_DEPTH_VISION, clip_model, "image", least=0)
