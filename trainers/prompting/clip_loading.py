"""A frozen CLIP from its weights.

The clip package itself is used unmodified; only the tensor shapes decide the model's sizes, as in OpenAI's loader.
Weights stay in the precision of the file (fp32 here), where OpenAI's loader rounds everything to fp16 first.
"""
import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from compat.errors import UserError
from compat.state_dicts import misfits

from .clip_files import find_weights, read_weights
from .clip_package import CLIP

_NEEDED = ("text_projection", "positional_embedding", "token_embedding.weight", "ln_final.weight",
           "visual.conv1.weight", "logit_scale")
_NOT_WEIGHTS = ("input_resolution", "context_length", "vocab_size")  # entries of OpenAI's archives that are no tensors


def load_clip(name: str) -> CLIP:
    """The CLIP called ``name``, in fp32 on the CPU, in eval mode, with every parameter frozen.

    Args:
        name: an OpenAI name such as ``"ViT-B/16"``, ``"Mini/16"`` (bundled), or the path of a JIT archive, a state
            dict (``.pt``) or a ``.safetensors`` file.

    Raises:
        UserError: unknown name, missing or damaged file, or a file that holds no CLIP.
    """
    path = find_weights(name)
    return clip_from_state_dict(read_weights(path), f"file {str(path)!r}")


def clip_from_state_dict(state: dict[str, torch.Tensor], source: str = "state dict") -> CLIP:
    """Frozen fp32 CLIP in eval mode from tensors under OpenAI's keys; ``source`` names them in errors.

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
        arguments = {**_sizes(weights), **_plain_details()}
        with torch.device("meta"), ShapesAlone():  # without memory: the file may claim any size
            expected = CLIP(**arguments).state_dict()
        needed = {key: value for key, value in expected.items() if value.is_floating_point()}  # not counts of batches
        faults = [*misfits(needed, weights), *(f"{key} is not known" for key in weights if key not in expected)]
        if faults:
            raise ValueError("; ".join(faults))
        model = CLIP(**arguments)
        model.load_state_dict({key: value.float() for key, value in weights.items()})
    except (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
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


def _sizes(state: dict[str, torch.Tensor]) -> dict[str, Any]:
    """Arguments of ``clip.model.CLIP`` from the tensors' shapes."""
    text_width = state["ln_final.weight"].shape[0]
    sizes = {
        "embed_dim": state["text_projection"].shape[1],
        "context_length": state["positional_embedding"].shape[0],
        "vocab_size": state["token_embedding.weight"].shape[0],
        "transformer_width": text_width,
        "transformer_heads": text_width // 64,
        "transformer_layers": _count(state, "transformer.resblocks."),
    }
    if sizes["context_length"] > 4096:  # its square is the size of a mask that no file holds
        raise ValueError(f"a context of {sizes['context_length']} tokens")
    if "visual.proj" in state:  # a ViT
        patch = state["visual.conv1.weight"].shape[-1]
        grid = round((state["visual.positional_embedding"].shape[0] - 1) ** 0.5)
        return {**sizes, "vision_layers": _count(state, "visual.transformer.resblocks."), "vision_patch_size": patch,
                "vision_width": state["visual.conv1.weight"].shape[0], "image_resolution": patch * grid}
    grid = round((state["visual.attnpool.positional_embedding"].shape[0] - 1) ** 0.5)
    return {**sizes, "vision_layers": tuple(_count(state, f"visual.layer{stage}.") for stage in (1, 2, 3, 4)),
            "vision_patch_size": None, "vision_width": state["visual.layer1.0.conv1.weight"].shape[0],
            "image_resolution": grid * 32}


def _count(state: dict[str, torch.Tensor], prefix: str) -> int:
    """Number of layers whose keys start with ``prefix`` and a number."""
    number = len({key[len(prefix):].split(".")[0] for key in state if key.startswith(prefix)})
    if number > 200:
        raise ValueError(f"{number} layers {prefix}*")
    return number


def _plain_details() -> dict[str, Any]:
    """The further argument that the clip packages of MaPLe, PromptSRC and their forks need to build a plain CLIP."""
    if "design_details" not in inspect.signature(CLIP.__init__).parameters:
        return {}
    return {"design_details": {"trainer": "CoOp", "vision_depth": 0, "language_depth": 0, "vision_ctx": 0,
                               "language_ctx": 0}}
