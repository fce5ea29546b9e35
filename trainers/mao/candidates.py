"""Restriction to candidate classes (reg-B): an unchanged host model is scored on the classes of the batch alone.

``candidate_classes``: for the length of one training step the per-class state of the host is narrowed to the batch's
labels, so the host encodes and scores these classes only. Column i of its logits then belongs to label i of the batch,
and the target of image i is i. Two images of one class give two identical columns, as in the released code.

``candidate_cross_entropy``: for hosts with further losses over all classes (PromptSRC), only the cross-entropy that the
model returns is replaced, by that of the batch's columns of the logits it returns.
"""
import contextlib

import torch
from torch.nn import functional as F

from .errors import MAOError
from .host_contract import PER_CLASS, check_host, class_count, per_class_names, tensors_in, unwrap

__all__ = ["PER_CLASS", "AllClassLosses", "candidate_classes", "candidate_cross_entropy", "candidate_targets",
           "check_host", "narrowed_output", "select_candidates", "unwrap"]


def select_candidates(per_class, labels, dim=0):
    """Rows (or, with ``dim=1``, columns of logits) of a per-class tensor for the labels of a batch, in batch order.

    Args:
        per_class: tensor with C entries along ``dim``. labels: int64 tensor (M,).

    Returns:
        Tensor with M entries along ``dim``; gradients flow back to ``per_class``.
    """
    return per_class.index_select(dim, labels.to(per_class.device))


def candidate_targets(labels):
    """Target of each image of a batch among its candidate columns: its own position; int64 (M,)."""
    return torch.arange(len(labels), device=labels.device)


@contextlib.contextmanager
def candidate_classes(model, labels, further_names=(), further_modules=()):
    """Narrow a host model to the classes ``labels`` (int64 tensor (M,)) inside the context.

    Args:
        model: the host's model, perhaps in DataParallel. labels: classes, in the order of the columns to come.
        further_names: per-class attributes beside PER_CLASS.
        further_modules: modules beside the model that the host's training step calls, such as a teacher.

    Everything is put back on leaving, also after an exception. Yields the targets, see ``candidate_targets``.
    """
    model = unwrap(model)
    n_cls = class_count(model)
    modules = {id(module): module for root in (model, *further_modules) for module in root.modules()}
    restores = []
    try:
        for module in modules.values():
            for name in per_class_names(module, further_names):
                _narrow(module, name, labels, n_cls, restores)
            if module.__dict__.get("n_cls") == n_cls:
                _replace(module.__dict__, "n_cls", len(labels), restores)
        if getattr(getattr(model.prompt_learner, "ctx", None), "ndim", 2) == 3:  # class-specific context
            _narrow(model.prompt_learner, "ctx", labels, n_cls, restores)
        yield candidate_targets(labels)
    finally:
        for restore in reversed(restores):
            restore()


@contextlib.contextmanager
def candidate_cross_entropy(model, labels):
    """Inside the context, replace the cross-entropy that a host model returns in training by the restricted one.

    Args:
        model: host that returns a tuple in training: first its cross-entropy, last its logits (batch, classes).
        labels: int64 tensor (M,) of the batch.
    """

    def restrict(module, inputs, output):
        if not isinstance(output, tuple) or not torch.is_tensor(output[-1]) or output[-1].dim() != 2:
            raise MAOError("MAO cannot restrict the cross-entropy of {}: in training it has to return a tuple, first "
                           "the cross-entropy, last the logits".format(type(unwrap(model)).__name__))
        logits = select_candidates(output[-1], labels, dim=1)
        return (F.cross_entropy(logits, candidate_targets(labels).to(logits.device)),) + output[1:]

    with _hook(model, restrict):
        yield


class AllClassLosses(Exception):
    """A model turned out to return what ``candidate_cross_entropy`` needs, instead of logits or a loss."""


@contextlib.contextmanager
def narrowed_output(model, labels, unknown_host):
    """Check inside the context that a narrowed model scores the batch's M classes, and not all C.

    Args:
        labels: int64 tensor (M,).
        unknown_host: whether the host may turn out to be one for ``candidate_cross_entropy``.

    Raises:
        MAOError: its logits have C columns. AllClassLosses: an unknown host returns cross-entropy, ..., logits.
    """
    whole, targets = class_count(model), candidate_targets(labels)  # called before the model is narrowed

    def check(module, inputs, output):
        if unknown_host and _is_cross_entropy_first(output, targets):
            raise AllClassLosses
        if whole != len(labels) and any(tuple(t.shape) == (len(labels), whole) for t in tensors_in(output)):
            raise MAOError(
                "MAO could not restrict {} to the batch's classes: it still returns {} columns; if it keeps a tensor a "
                "class beside {}, name it in mao_per_class (docs/drop_in.md)".format(
                    type(unwrap(model)).__name__, whole, ", ".join(PER_CLASS)))

    with _hook(model, check):
        yield


def _is_cross_entropy_first(output, targets):
    """Whether an output is a tuple of a cross-entropy, something more, and the logits it is of."""
    if not isinstance(output, tuple) or len(output) < 3 or not all(torch.is_tensor(output[k]) for k in (0, -1)):
        return False
    loss, logits = output[0], output[-1]
    if loss.dim() or logits.dim() != 2 or logits.shape[0] != len(targets) or logits.shape[1] < len(targets):
        return False
    expected = F.cross_entropy(logits.detach().float(), targets.to(logits.device))
    return bool(torch.isclose(loss.detach().float(), expected, rtol=2e-2))


@contextlib.contextmanager
def _hook(model, function):
    handle = model.register_forward_hook(function)
    try:
        yield
    finally:
        handle.remove()


def _narrow(module, name, labels, n_cls, restores):
    """Narrow the attribute of a module, wherever torch keeps it; does nothing where there is none of C entries."""
    for place in (module._buffers, module._parameters, module.__dict__):
        value = place.get(name)
        if isinstance(value, (str, dict)) or not hasattr(value, "__len__") or _length(value) != n_cls:
            continue
        if not torch.is_tensor(value):
            _replace(place, name, [value[label] for label in labels.tolist()], restores)
        elif place is module._parameters:
            _hide_parameter(module, name, select_candidates(value, labels), restores)
        else:
            _replace(place, name, select_candidates(value, labels), restores)


def _length(value):
    return 0 if torch.is_tensor(value) and value.dim() == 0 else len(value)


def _replace(place, name, value, restores):
    restores.append(lambda old=place[name]: place.__setitem__(name, old))
    place[name] = value


def _hide_parameter(module, name, value, restores):
    """Put a tensor computed from a parameter in the parameter's place; restores the order of the parameters, too.

    It stands among the buffers, because DataParallel copies those to the other devices, with their gradient.
    """
    saved = dict(module._parameters)

    def restore():
        del module._buffers[name]
        module._parameters.clear()
        module._parameters.update(saved)

    restores.append(restore)
    del module._parameters[name]
    module._buffers[name] = value
