"""A frozen CLIP from its weights.

The clip package itself is used unmodified; the tensor shapes decide the model's sizes, as in OpenAI's loader, and its
``Details`` what they do not tell. Weights stay in the precision of the file (fp32 here), where OpenAI's loader rounds
everything to fp16 first.
"""
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from compat.errors import UserError
from compat.state_dicts import misfits

from .clip_details import ACTIVATIONS, Details, check_details, given_details, openai_details
from .clip_files import Weights, find_weights, read_weights
from .clip_keys import openai_state
from .clip_package import CLIP, Transformer, VisionTransformer
from .clip_sizes import Sizes, sizes_of

_NEEDED = ("text_projection", "positional_embedding", "token_embedding.weight", "ln_final.weight",
           "visual.conv1.weight", "logit_scale")
_NOT_WEIGHTS = ("input_resolution", "context_length", "vocab_size")  # entries of OpenAI's archives that are no tensors


def load_clip(name: str, heads: Sequence[int] = (), activation: str = "") -> CLIP:
    """The CLIP called ``name``, in fp32 on the CPU, in eval mode, with every parameter frozen.

    Args:
        name: as docs/weights.md lists them: a name of OpenAI's such as ``"ViT-B/16"``, ``"Mini/16"`` (bundled), one of
            open_clip's, a file, or a folder.
        heads, activation: MODEL.CLIP.HEADS and MODEL.CLIP.ACTIVATION, for files without a configuration.

    Raises:
        UserError: unknown name, missing or damaged file, a file that holds no CLIP, or one that has to be told more of.
    """
    return clip_from_weights(find_weights(name), heads, activation)


def clip_from_weights(weights: Weights, heads: Sequence[int] = (), activation: str = "") -> CLIP:
    """As ``load_clip``."""
    source = f"file {str(weights.files[0])!r}"
    state: Any = {}
    for file in weights.files:
        part = read_weights(file)
        state = {**state, **part} if len(weights.files) > 1 and isinstance(part, dict) else part
    state = openai_state(state, str(weights.files[0]))
    openais = isinstance(state, dict) and all(key in state for key in _NOT_WEIGHTS)

    def details(sizes: Sizes) -> Details:
        known = weights.details or given_details(sizes, source, heads, activation, openais)
        for key, said, given in (("HEADS", known.heads, tuple(heads)), ("ACTIVATION", known.activations, activation)):
            if given and given != said and (given, given) != said:
                raise UserError(f"MODEL.CLIP.{key} is {given!r}, but the configuration of {source} says {said!r}: "
                                "leave the key out")
        check_details(known, sizes, source)
        return known

    return clip_from_state_dict(state, source, details)


def clip_from_state_dict(state: dict[str, torch.Tensor], source: str = "state dict",
                         details: Callable[[Sizes], Details] = openai_details) -> CLIP:
    """Frozen fp32 CLIP in eval mode from tensors under OpenAI's keys.

    Args:
        source: names them in errors. details: what is known of a model of some sizes.

    Raises:
        UserError: the tensors are not those of a CLIP in OpenAI's layout.
    """
    missing = [key for key in _NEEDED if not isinstance(state, dict) or key not in state]
    if missing:
        raise UserError(
            f"{source} holds no CLIP in OpenAI's layout ({missing[0]!r} is missing): "
            "give MODEL.BACKBONE.NAME the weights of a CLIP"
        )
    weights = {key: value for key, value in state.items() if key not in _NOT_WEIGHTS}
    try:
        sizes = sizes_of(weights)
        known = details(sizes)
        with torch.device("meta"), ShapesAlone():  # without memory: the file may claim any size
            expected = _build(sizes, known).state_dict()
        needed = {key: value for key, value in expected.items() if value.is_floating_point()}  # not counts of batches
        faults = [*misfits(needed, weights), *(f"{key} is not known" for key in weights if key not in expected)]
        if faults:
            raise ValueError("; ".join(faults))
        model = _build(sizes, known)
        model.load_state_dict({key: value.float() for key, value in weights.items()})
    except (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(
            f"{source} does not fit the layout of OpenAI's CLIP ({' '.join(str(error).split())[:200]}): "
            "only unmodified ViT and ResNet CLIPs can be loaded"
        ) from error
    return model.eval().requires_grad_(False)


class ShapesAlone(TorchFunctionMode):
    """Skips what changes values alone: without memory there are none, and torch would import its compiler (1.6 s)."""

    def __torch_function__(self, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (),
                           kwargs: dict[str, Any] | None = None) -> Any:
        name, kwargs = getattr(function, "__name__", ""), kwargs or {}
        in_place = name.endswith("_") and not name.startswith("_")
        if in_place or name in ("mul", "div"):
            return args[0] if args else kwargs["tensor"]
        return (torch.empty if function is torch.randn else function)(*args, **kwargs)


def image_resolution(clip_model: CLIP) -> int:
    """Side of the square images, in pixels, that the image tower takes."""
    return clip_model.visual.input_resolution


def _build(sizes: Sizes, details: Details) -> CLIP:
    """A CLIP of some sizes with fresh weights.

    The package's own class has image heads of 64, MLPs of four times the width, and QuickGELU; what differs is put in.
    """
    arguments = {key: value for key, value in sizes.items() if key not in ("text_mlp", "image_mlp")}
    image_heads, text_heads = details.heads
    arguments = {**arguments, "transformer_heads": text_heads, **_plain_details()}
    width, patch = sizes["vision_width"], sizes["vision_patch_size"]
    if patch is None or image_heads == width // 64:
        model = CLIP(**arguments)
    else:
        model = CLIP(**{**arguments, "vision_width": 64, "vision_layers": 1})
        model.visual = VisionTransformer(sizes["image_resolution"], patch, width, sizes["vision_layers"], image_heads,
                                         sizes["embed_dim"])
    if patch is None:
        model.visual.attnpool.num_heads = image_heads
    else:
        _set_mlps(model.visual.transformer, sizes["image_mlp"], details.activations[0])
    _set_mlps(model.transformer, sizes["text_mlp"], details.activations[1])
    return model


def _set_mlps(transformer: Transformer, width: int, activation: str) -> None:
    """Give the MLPs of all blocks a width and an activation."""
    for block in transformer.resblocks:
        if block.mlp.c_fc.out_features != width:
            block.mlp.c_fc = nn.Linear(transformer.width, width)
            block.mlp.c_proj = nn.Linear(width, transformer.width)
        block.mlp.gelu = ACTIVATIONS[activation]()


def _plain_details() -> dict[str, Any]:
    """The further argument that the clip packages of MaPLe, PromptSRC and their forks need to build a plain CLIP."""
    if "design_details" not in inspect.signature(CLIP.__init__).parameters:
        return {}
    return {"design_details": {"trainer": "CoOp", "vision_depth": 0, "language_depth": 0, "vision_ctx": 0,
                               "language_ctx": 0}}
