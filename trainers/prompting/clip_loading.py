"""Load a CLIP model: by OpenAI name, from a file, or the small one bundled with this repository.

The clip package itself is used unmodified; only the tensor shapes decide the model's sizes, as in OpenAI's loader.
Weights stay in the precision of the file (fp32 here), where OpenAI's loader rounds everything to fp16 first.
"""
import difflib
import inspect
import os
import warnings
from pathlib import Path

import numpy as np
import torch

from compat.errors import UserError

from .clip_package import CLIP, openai_clip

BUNDLED = {"Mini/16": Path(__file__).parent / "assets" / "mini16.npz"}
"""Models of this repository: name -> compressed arrays under OpenAI's state-dict keys."""

_NOT_WEIGHTS = ("input_resolution", "context_length", "vocab_size")  # entries of OpenAI's archives that are no tensors


def load_clip(name):
    """The CLIP called ``name``, in fp32 on the CPU, in eval mode, with every parameter frozen.

    Args:
        name: an OpenAI name such as ``"ViT-B/16"`` (downloaded by the clip package, which verifies the checksum),
            ``"Mini/16"`` (bundled), or the path of a JIT archive, a state dict (``.pt``) or a ``.safetensors`` file.

    Raises:
        UserError: unknown name, missing or damaged file, or a file that holds no CLIP.
    """
    if name in BUNDLED:
        if not BUNDLED[name].exists():
            raise UserError(f"the bundled CLIP {name!r} is not part of this copy: give an OpenAI name or a file")
        state = _read_npz(BUNDLED[name])
        source = f"bundled model {name!r}"
    else:
        path = _locate(name)
        state = _read_file(path)
        source = f"file {str(path)!r}"
    return clip_from_state_dict(state, source)


def _openai_models():
    return list(openai_clip._MODELS)


def _locate(name):
    """Path of the weights called ``name``; downloads those of OpenAI."""
    if name in _openai_models():
        cache = os.path.expanduser(os.environ.get("CLIP_CACHE", "~/.cache/clip"))
        try:
            return Path(openai_clip._download(openai_clip._MODELS[name], cache))
        except (OSError, RuntimeError) as error:
            raise UserError(
                f"CLIP {name!r} cannot be downloaded to {cache!r} ({error}): put its .pt file there by hand, "
                "give MODEL.BACKBONE.NAME the path of a file, or use the bundled 'Mini/16'"
            ) from error
    if os.path.isfile(name):
        return Path(name)
    if os.path.isdir(name):
        raise UserError(f"MODEL.BACKBONE.NAME {name!r} is a folder: give the file with the weights")
    if name.startswith(("/", ".", "~")) or name.count("/") > 1 or Path(name).suffix in (".pt", ".pth", ".safetensors"):
        raise UserError(f"MODEL.BACKBONE.NAME {name!r}: there is no such file")
    known = [*_openai_models(), *BUNDLED]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    raise UserError(
        f"MODEL.BACKBONE.NAME {name!r} is neither a file nor a known CLIP (did you mean {near[0]!r}?): "
        f"known are {', '.join(known)}"
    )


def _read_npz(path):
    with np.load(path, allow_pickle=False) as arrays:
        return {key: torch.from_numpy(arrays[key]) for key in arrays.files}


def _read_file(path):
    """State dict of a ``.safetensors`` file, a JIT archive or a pickled state dict (never unpickled unrestricted)."""
    remedy = "the file is damaged or cut short, or holds no weights: fetch it again"
    if path.stat().st_size == 0:
        raise UserError(f"CLIP weights {str(path)!r} is an empty file: fetch it again")
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except (SafetensorError, OSError, ValueError) as error:
            raise UserError(f"CLIP weights {str(path)!r} cannot be read ({_first_line(error)}): {remedy}") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # torch.jit is deprecated; OpenAI's files are JIT archives
            return torch.jit.load(str(path), map_location="cpu").state_dict()
    except Exception:  # torch raises several kinds here; anything that is no JIT archive is tried as a state dict
        pass
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged zip, damaged pickle, a pickle with code in it: torch has no common class
        raise UserError(f"CLIP weights {str(path)!r} cannot be read ({_first_line(error)}): {remedy}") from error
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    return state


def _first_line(error):
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160].rstrip(".")


def clip_from_state_dict(state, source="state dict"):
    """Frozen fp32 CLIP in eval mode from tensors under OpenAI's keys.

    Raises:
        UserError: the tensors are not those of a CLIP in OpenAI's layout.
    """
    needed = ("text_projection", "positional_embedding", "token_embedding.weight", "ln_final.weight",
              "visual.conv1.weight", "logit_scale")
    missing = [key for key in needed if not isinstance(state, dict) or key not in state]
    if missing:
        raise UserError(
            f"{source} holds no CLIP in OpenAI's layout ({missing[0]!r} is missing): "
            "give MODEL.BACKBONE.NAME the weights of a CLIP"
        )
    tensors = {key: value.float() for key, value in state.items() if key not in _NOT_WEIGHTS}
    try:
        model = CLIP(**_sizes(tensors), **_plain_details())
        model.load_state_dict(tensors)
    except (RuntimeError, KeyError, ValueError, ZeroDivisionError) as error:
        raise UserError(
            f"{source} does not fit the layout of OpenAI's CLIP ({' '.join(str(error).split())[:200]}): "
            "only unmodified ViT and ResNet CLIPs can be loaded"
        ) from error
    return model.eval().requires_grad_(False)


def _sizes(state):
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
    if "visual.proj" in state:
        patch = state["visual.conv1.weight"].shape[-1]
        grid = round((state["visual.positional_embedding"].shape[0] - 1) ** 0.5)
        sizes.update(vision_layers=_count(state, "visual.transformer.resblocks."), vision_patch_size=patch,
                     vision_width=state["visual.conv1.weight"].shape[0], image_resolution=patch * grid)
    else:
        grid = round((state["visual.attnpool.positional_embedding"].shape[0] - 1) ** 0.5)
        sizes.update(vision_layers=tuple(_count(state, f"visual.layer{stage}.") for stage in (1, 2, 3, 4)),
                     vision_patch_size=None, vision_width=state["visual.layer1.0.conv1.weight"].shape[0],
                     image_resolution=grid * 32)
    return sizes


def _plain_details():
    """What the clip packages in MaPLe, PromptSRC and their forks want to hear for a CLIP without prompts inside."""
    if "design_details" not in inspect.signature(CLIP.__init__).parameters:
        return {}
    return {"design_details": {"trainer": "CoOp", "vision_depth": 0, "language_depth": 0, "vision_ctx": 0,
                               "language_ctx": 0}}


def _count(state, prefix):
    """Number of consecutive layers whose keys start with ``prefix`` and a number."""
    return len({key[len(prefix):].split(".")[0] for key in state if key.startswith(prefix)})


def image_resolution(clip_model):
    """Side of the square images, in pixels, that the image tower takes."""
    return clip_model.visual.input_resolution
