"""What the configurations of other packages say of a CLIP: open_clip's and Hugging Face's.

Both packages build many towers that OpenAI's classes do not compute. Of open_clip's keys, those that are not sizes must
have a value that changes nothing.
"""
import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from compat.errors import UserError
from compat.settings import shown

from .clip_details import VOCABULARY, Activation, Details

Config = Mapping[str, Any]

PLAIN = ("OpenAI's kind has a ViT or ResNet and a causal text transformer of OpenAI's tokens, as open_clip:"
         "ViT-H-14/laion2b_s32b_b79k has")
SIZES = {"layers", "width", "head_width", "heads", "mlp_ratio", "patch_size", "image_size", "context_length",
         "vocab_size"}
WITHOUT_EFFECT = {"output_tokens", "patch_dropout", "attn_pooler_queries", "attn_pooler_heads", "pad_id", "eos_id"}
USUAL = {"pool_type": ("tok", "argmax"), "pos_embed_type": ("learnable",), "proj_type": ("linear",),
         "block_type": ("default",)}
OF_MODEL = {"embed_dim", "vision_cfg", "text_cfg", "quick_gelu", "custom_text", "init_logit_scale",
            "nonscalar_logit_scale"}
ACTIVATION_OF: dict[str, Activation] = {
    "quick_gelu": "quick_gelu", "gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_fast": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh"}


@contextlib.contextmanager
def naming_damage(source: str) -> Iterator[None]:
    """Values of wrong types in the block's configuration become a sentence."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"the configuration of {source} is damaged ({' '.join(str(error).split())[:160]}): fetch it "
                        "again") from error


def open_clip_details(config: Config, source: str, tag: Config | None = None, openai: bool = False) -> Details:
    """Details of an architecture of open_clip.

    Args:
        config: the architecture. source: names it in errors. tag: what the package says of trained weights, whose
            activation counts: some lie under an architecture of the other one. openai: they are OpenAI's.

    Raises:
        UserError: one of its towers is not of OpenAI's kind.
    """
    image, text, tag = config.get("vision_cfg") or {}, config.get("text_cfg") or {}, tag or {}
    odd = [f"{key} is {shown(config[key])}" for key in config if key not in OF_MODEL and config[key] is not None]
    odd += [f"{name}.{key} is {shown(value)}" for name, tower in (("vision_cfg", image), ("text_cfg", text))
            for key, value in tower.items() if not _has_no_effect(key, value)]
    if odd:
        raise UserError(f"{source} is no CLIP of OpenAI's kind ({'; '.join(odd[:3])}): give another one; {PLAIN}")
    quick = config.get("quick_gelu") or tag.get("quick_gelu") or openai
    activation: Activation = "quick_gelu" if quick else "gelu"
    width, layers = image.get("width", 768), image.get("layers", 12)
    is_vit = not isinstance(layers, (list, tuple))
    sizes = {"embed_dim": config.get("embed_dim"), "vision_width": width, "vision_layers": layers if is_vit else
             tuple(layers), "vision_patch_size": image.get("patch_size", 16) if is_vit else None,
             "transformer_width": text.get("width", 512), "transformer_layers": text.get("layers", 12)}
    heads = width * (1 if is_vit else 32) // image.get("head_width", 64), text.get("heads", 8)
    return Details(heads, (activation, activation), sizes, _numbers(tag.get("mean")), _numbers(tag.get("std")))


def _numbers(values: Any) -> tuple[float, ...]:
    return tuple(map(float, values or ()))


def _has_no_effect(key: str, value: object) -> bool:
    return key in SIZES | WITHOUT_EFFECT or not value or value in USUAL.get(key, ())


def hugging_face_details(config: Config, images: Config, source: str) -> Details:
    """Details of a CLIP of Hugging Face's transformers.

    Args:
        config: its config.json, in which values that are the defaults may be left out. images: its
            preprocessor_config.json; {} if there is none. source: names it in errors.

    Raises:
        UserError: it is no CLIP, or one of other activations or tokens.
    """
    kind = config.get("model_type")
    if kind != "clip":
        raise UserError(f"{source} is of the kind {shown(kind)}, not clip: give another one; {PLAIN}")
    text, image = ({**(config.get(f"{name}_config") or {}), **(config.get(f"{name}_config_dict") or {})}
                   for name in ("text", "vision"))
    activations: list[Activation] = []
    for name, tower in (("vision", image), ("text", text)):
        activation, epsilon = tower.get("hidden_act", "quick_gelu"), tower.get("layer_norm_eps", 1e-5)
        if activation not in ACTIVATION_OF or epsilon != 1e-5:
            raise UserError(f"{source} has a {name} tower with hidden_act {shown(activation)} and layer_norm_eps "
                            f"{epsilon}: give a CLIP with one of {', '.join(ACTIVATION_OF)} and 1e-05")
        activations.append(ACTIVATION_OF[activation])
    if text.get("eos_token_id", VOCABULARY - 1) not in (2, VOCABULARY - 1):  # 2 in files of the first versions
        raise UserError(f"{source} ends texts with token {shown(text['eos_token_id'])}, not OpenAI's {VOCABULARY - 1}: "
                        "give a CLIP with OpenAI's tokens")
    sizes = {"embed_dim": config.get("projection_dim", 512),
             "vision_width": image.get("hidden_size", 768), "vision_layers": image.get("num_hidden_layers", 12),
             "vision_patch_size": image.get("patch_size", 32),
             "transformer_width": text.get("hidden_size", 512), "transformer_layers": text.get("num_hidden_layers", 12)}
    heads = image.get("num_attention_heads", 12), text.get("num_attention_heads", 8)
    return Details(heads, (activations[0], activations[1]), sizes, _numbers(images.get("image_mean")),
                   _numbers(images.get("image_std")))


def read_config(path: Path) -> dict[str, Any]:
    """A configuration in JSON.

    Raises:
        UserError: it cannot be read, or is something else.
    """
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(config, dict):
            return config
        reason = f"it holds a {type(config).__name__}"
    except (OSError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:160]
    raise UserError(f"{str(path)!r} is no configuration of a CLIP ({reason}): fetch it again")
