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
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from .errors import MAOError
from .host_contract import PER_CLASS, tensors_in, unnamed_per_class, unwrap


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
        return (F.cross_entropy(logits, candidate_targets(labels).to(logits.device, non_blocking=True)), *output[1:])

    with _forward_hook(model, restrict):
        yield


class AllClassLosses(Exception):
    """A model turned out to return what ``candidate_cross_entropy`` needs, instead of logits or a loss."""


class WatchedLoss(TorchFunctionMode):
    """Sees inside the context whether a host's loss is over the batch's M classes, and not over all C.

    What shows it is a cross-entropy with labels, a divergence from a teacher's logits (PromptKD), or logits that the
    model returns, of M columns. A host may have several cross-entropies; one of C columns would learn the positions in
    the batch as labels.

    Args:
        host_name: for the sentences. n_cls: C. candidates: M.

    Attributes:
        seen: whether one of M columns was there.
    """

    def __init__(self, host_name: str, n_cls: int, candidates: int) -> None:
        super().__init__()
        self.host_name, self.n_cls, self.candidates = host_name, n_cls, candidates
        self.seen = False

    def __torch_function__(self, function: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if function in (F.cross_entropy, F.nll_loss, F.kl_div):
            given = {**dict(zip(("input", "target"), args)), **kwargs}  # noqa: B905  strict= came with Python 3.10
            logits, target = given["input"], given["target"]
            if logits.dim() == 2 and function is not F.kl_div and not target.is_floating_point():
                self.of_columns(logits.shape[1], "its loss still runs over")
            elif logits.shape == (self.candidates, self.candidates):
                self.seen = True
        return function(*args, **kwargs)

    def of_columns(self, columns: int, what: str) -> None:
        """Note how many columns logits have."""
        if columns == self.candidates:
            self.seen = True
        elif columns == self.n_cls:
            raise MAOError(f"MAO could not restrict {self.host_name} to the batch's classes: {what} "
                           f"{columns} columns; if it keeps a tensor per class beside {', '.join(PER_CLASS)}, "
                           "name it in mao_per_class (docs/drop_in.md)")


@contextlib.contextmanager
def checked_output(model: nn.Module, labels: torch.Tensor, n_cls: int, unknown_host: bool,
                   watch_loss: bool) -> Iterator[WatchedLoss]:
    """Check inside the context that a narrowed model scores the batch's M classes, and not all C.

    Args:
        model: not narrowed yet. labels: int64 (M,). n_cls: C.
        unknown_host: whether the host may turn out to be one for ``candidate_cross_entropy``.
        watch_loss: whether its cross-entropies are looked at, too.

    Raises:
        MAOError: its logits have C columns. AllClassLosses: an unknown host returns cross-entropy, ..., logits.
    """
    targets = candidate_targets(labels)
    watch = WatchedLoss(type(unwrap(model)).__name__, n_cls, len(labels))

    def check(_module: nn.Module, _inputs: object, output: object) -> None:
        if unknown_host and _is_cross_entropy_first(output, targets):
            raise AllClassLosses
        for tensor in tensors_in(output):
            if tensor.dim() == 2 and len(tensor) == len(labels):
                watch.of_columns(tensor.shape[1], "it still returns")

    with _forward_hook(model, check), watch if watch_loss else contextlib.nullcontext():
        yield watch


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
