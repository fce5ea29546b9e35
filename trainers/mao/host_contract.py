"""What the plug-in needs of a host trainer's model, and the sentences for a host that does not have it."""
from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import nn

from .errors import MAOError

PER_CLASS = (
    "token_prefix", "token_suffix", "tokenized_prompts", "name_lens",  # CoOp, MaPLe and their forks
    "ori_embedding",  # KgCoOp: features of hand-written prompts
    "text_features",  # ProGrad's zero-shot teacher, TCP and others: features of hand-written prompts
    "fixed_embeddings", "teacher_text_features",  # PromptSRC's teacher, upstream's and this repository's name
    "classnames",
)
"""Attributes, of any module of a host, that hold one row or item per class.

Buffers called ``token_...`` count, too (``per_class_names``). A host class adds its own by ``mao_per_class``.
"""


FIXED_FEATURES = ("text_features", "fixed_embeddings")
"""Those of them that stand for the classes in a host that learns no prompts of classes, such as VPT."""


def per_class_names(module: nn.Module, further_names: Iterable[str] = ()) -> tuple[str, ...]:
    """Names that hold one row or item per class, where a module has them: known, named by the host, or ``token_...``.

    Prompts with words in several places, such as ATPrompt's, keep the tokens between them as ``token_middle1``, ...
    """
    names = (*PER_CLASS, *further_names)
    return (*names, *(name for name in module._buffers if name.startswith("token_") and name not in names))


def unwrap(model: nn.Module) -> nn.Module:
    """The model inside DataParallel, or the model itself."""
    return model.module if isinstance(model, nn.DataParallel) else model


NOT_PER_CLASS = ("ctx", "vocabulary")
"""Attributes whose size proves nothing: the context, of which ``has_class_specific_context`` tells, and this
repository's table of the distinct tokens in all prompts."""


def stores(module: nn.Module) -> list[dict]:
    """The dicts that hold a module's values: its own, and those of plain objects in it that hold tensors, too."""
    inside = [vars(value) for value in vars(module).values()
              if hasattr(value, "__dict__") and not isinstance(value, (nn.Module, torch.Tensor, type))]
    return [module._buffers, module._parameters, vars(module),
            *(store for store in inside if any(map(torch.is_tensor, store.values())))]


def prompt_learner(model: nn.Module) -> nn.Module | None:
    """The host's module of learnable prompts; None where the classes stand for themselves by fixed features."""
    learner = getattr(unwrap(model), "prompt_learner", None)
    return learner if isinstance(learner, nn.Module) else None


def fixed_features(model: nn.Module) -> torch.Tensor | None:
    """The classes' fixed features (classes, ...) somewhere below a model, or None."""
    found = (store.get(name) for module in unwrap(model).modules() for store in stores(module)
             for name in FIXED_FEATURES)
    return next((value for value in found if torch.is_tensor(value)), None)


def class_count(model: nn.Module, rows_per_class: int = 1) -> int:
    """Number of classes that a host model was built for."""
    learner = prompt_learner(model)
    if learner is None:
        features = fixed_features(model)
        assert features is not None
        return len(features) // rows_per_class
    n_cls = getattr(learner, "n_cls", None)
    return n_cls if isinstance(n_cls, int) else _rows_of_prefix(learner) // rows_per_class


def has_class_specific_context(model: nn.Module) -> bool:
    """Whether each class has context vectors of its own (CoOp's CSC)."""
    context = getattr(prompt_learner(model), "ctx", None)
    return torch.is_tensor(context) and context.ndim == 3


def check_host(model: object, host_name: str, rows_per_class: int = 1) -> None:
    """Raise MAOError, which names the missing attribute, unless a model has what the restriction needs."""
    if not isinstance(model, nn.Module):
        raise _misfit(host_name, "it has no model (self.model)")
    learner = prompt_learner(model)
    if learner is None:
        if fixed_features(model) is None:
            raise _misfit(host_name, "it has no model.prompt_learner, nor features of fixed prompts "
                                     f"({', '.join(FIXED_FEATURES)})")
        return
    for name in ("token_prefix", "token_suffix"):
        if not hasattr(learner, name):
            raise _misfit(host_name, f"it has no model.prompt_learner.{name}")
    if not hasattr(learner, "tokenized_prompts") and not hasattr(unwrap(model), "tokenized_prompts"):
        raise _misfit(host_name, "it has no model.prompt_learner.tokenized_prompts")
    rows, n_cls = _rows_of_prefix(learner), class_count(model, rows_per_class)
    if rows != n_cls * rows_per_class:
        raise _misfit(host_name, f"its model.prompt_learner.token_prefix has {rows} rows for {n_cls} classes, and "
                                 f"{'one' if rows_per_class == 1 else rows_per_class} per class is needed "
                                 "(mao_rows_per_class)")


def _rows_of_prefix(learner: nn.Module) -> int:
    prefix = learner.token_prefix
    assert torch.is_tensor(prefix)
    return len(prefix)


def _misfit(host_name: str, reason: str) -> MAOError:
    return MAOError(f"MAO cannot wrap {host_name}: {reason}; see docs/drop_in.md for what a host needs")


def tensors_in(output: object) -> list[torch.Tensor]:
    """The tensors of a model's output: itself, or those in a tuple, list or dict, in order."""
    if torch.is_tensor(output):
        return [output]
    if isinstance(output, dict):
        output = list(output.values())
    if isinstance(output, (tuple, list)):
        return [tensor for part in output for tensor in tensors_in(part)]
    return []


def unnamed_per_class(model: nn.Module, further_names: Iterable[str] = ()) -> Iterator[str]:
    """Paths below a model of tensors that have one row per class but no known name, such as ``prompt_learner.bias``.

    Sizes may agree by chance, so this is good for a hint only. Frozen parameters are CLIP's weights and do not count.
    """
    model = unwrap(model)
    n_cls = class_count(model)
    for path, module in model.named_modules():
        known = per_class_names(module, further_names)
        for place in (module._buffers, module._parameters, vars(module)):
            for name, value in place.items():
                frozen_weight = isinstance(value, nn.Parameter) and not value.requires_grad
                if not torch.is_tensor(value) or frozen_weight or name in known:
                    continue
                if value.dim() and len(value) == n_cls and (path, name) != ("prompt_learner", "ctx"):
                    yield f"{path}.{name}".lstrip(".")
