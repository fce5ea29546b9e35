"""reg-B: an unchanged host model is scored on the classes of the batch alone, the candidate classes.

Column i of the logits belongs to the label of image i, and the target of image i is i. Two images of one class give two
identical columns, as in the released code. There are two ways to it:

- For most hosts all that has one entry per class is narrowed to the batch's labels during a step (``class_state.py``),
  so the host encodes and scores these classes alone. ``checked_output`` watches that it does.
- For hosts with further losses over all classes (PromptSRC), ``candidate_cross_entropy`` replaces the cross-entropy
  that the model returns by that of the batch's columns of the logits that it returns.
"""
from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch import nn
from torch.nn import functional as F

from .errors import MAOError
from .host_contract import PER_CLASS, class_count, tensors_in, unnamed_per_class, unwrap


def select_candidates(per_class: torch.Tensor, labels: torch.Tensor, dim: int = 0) -> torch.Tensor:
    """Rows (or, with ``dim=1``, columns of logits) of a per-class tensor for the labels of a batch, in batch order.

    Args:
        per_class: tensor with C entries along ``dim``. labels: int64 (M,).

    Returns:
        Tensor with M entries along ``dim``; gradients flow back to ``per_class``.
    """
    return per_class.index_select(dim, labels.to(per_class.device, non_blocking=True))


def candidate_targets(labels: torch.Tensor) -> torch.Tensor:
    """Target of each image of a batch among its candidate columns: its own position; int64 (M,)."""
    return torch.arange(len(labels), device=labels.device)


@contextlib.contextmanager
def candidate_cross_entropy(model: nn.Module, labels: torch.Tensor) -> Iterator[None]:
    """reg-B for a host with further losses: inside, the cross-entropy that it returns is that of the candidates.

    Args:
        model: host that returns a tuple in training: first its cross-entropy, last its logits (batch, classes).
        labels: int64 (M,) of the batch.
    """

    def restrict(_module: nn.Module, _inputs: object, output: object) -> tuple:
        if not isinstance(output, tuple) or not torch.is_tensor(output[-1]) or output[-1].dim() != 2:
            raise MAOError(f"MAO cannot restrict the cross-entropy of {type(unwrap(model)).__name__}: in training it "
                           "has to return a tuple, first the cross-entropy, last the logits")
        logits = select_candidates(output[-1], labels, dim=1)
        return (F.cross_entropy(logits, candidate_targets(labels).to(logits.device)), *output[1:])

    with _forward_hook(model, restrict):
        yield


class AllClassLosses(Exception):
    """A model turned out to return what ``candidate_cross_entropy`` needs, instead of logits or a loss."""


@contextlib.contextmanager
def checked_output(model: nn.Module, labels: torch.Tensor, unknown_host: bool) -> Iterator[None]:
    """Check inside the context that a narrowed model scores the batch's M classes, and not all C.

    Args:
        model: not narrowed yet. labels: int64 (M,).
        unknown_host: whether the host may turn out to be one for ``candidate_cross_entropy``.

    Raises:
        MAOError: its logits have C columns. AllClassLosses: an unknown host returns cross-entropy, ..., logits.
    """
    n_cls, targets = class_count(model), candidate_targets(labels)

    def check(_module: nn.Module, _inputs: object, output: object) -> None:
        if unknown_host and _is_cross_entropy_first(output, targets):
            raise AllClassLosses
        if n_cls != len(labels) and any(tuple(t.shape) == (len(labels), n_cls) for t in tensors_in(output)):
            raise MAOError(f"MAO could not restrict {type(unwrap(model)).__name__} to the batch's classes: it still "
                           f"returns {n_cls} columns; if it keeps a tensor per class beside {', '.join(PER_CLASS)}, "
                           "name it in mao_per_class (docs/drop_in.md)")

    with _forward_hook(model, check):
        yield


@contextlib.contextmanager
def explained_misfit(host_name: str, model: nn.Module, further_names: tuple[str, ...]) -> Iterator[None]:
    """An error inside on the sizes of tensors becomes a MAOError that names what has one row per class, too."""
    try:
        yield
    except (RuntimeError, IndexError) as error:
        names = list(unnamed_per_class(model, further_names))
        if "out of memory" in str(error) or not names:
            raise
        reason = str(error).strip().split("\n")[0]
        raise MAOError(
            f"{host_name} failed on the batch's classes ({reason}): it has one row per class in "
            f"{', '.join(names)}, too; name what its loss uses in mao_per_class (docs/drop_in.md)") from error


def _is_cross_entropy_first(output: object, targets: torch.Tensor) -> bool:
    """Whether an output is a tuple of a cross-entropy, something more, and the logits (M, >= M) it is of."""
    if not isinstance(output, tuple) or len(output) < 3 or not all(torch.is_tensor(output[k]) for k in (0, -1)):
        return False
    loss, logits = output[0], output[-1]
    if loss.dim() or logits.dim() != 2 or logits.shape[0] != len(targets) or logits.shape[1] < len(targets):
        return False
    expected = F.cross_entropy(logits.detach().float(), targets.to(logits.device))
    return bool(torch.isclose(loss.detach().float(), expected, rtol=2e-2))


@contextlib.contextmanager
def _forward_hook(model: nn.Module, function: Callable) -> Iterator[None]:
    handle = model.register_forward_hook(function)
    try:
        yield
    finally:
        handle.remove()
