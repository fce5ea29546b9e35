"""Restriction to candidate classes (reg-B): an unchanged host model is scored on the classes of the batch alone.

``candidate_classes``: for the length of one training step the per-class state of the host's prompt learner is narrowed
to the batch's labels, so the host encodes and scores these classes only. Column i of its logits then belongs to label i
of the batch, and the target of image i is i. Two images of one class give two identical columns, as in the released code.

``candidate_cross_entropy``: for hosts with further losses over all classes (PromptSRC), only the cross-entropy that the
model returns is replaced, by that of the batch's columns of the logits it returns.
"""
import contextlib

import torch
from torch.nn import functional as F

from .errors import MAOError

PER_CLASS = (
    "token_prefix", "token_suffix", "tokenized_prompts", "name_lens",  # CoOp, MaPLe and their forks
    "ori_embedding",  # KgCoOp: features of hand-written prompts
    "text_features",  # ProGrad's zero-shot teacher, TCP and others: features of hand-written prompts
    "fixed_embeddings",  # PromptSRC's teacher, for forks of it that do not set mao_all_class_losses
)
"""Attributes, of any module of a host, that hold one row or item a class.

A host class adds its own by the attribute ``mao_per_class``.
"""


def unwrap(model):
    """The model inside DataParallel, or the model itself."""
    return model.module if isinstance(model, torch.nn.DataParallel) else model


def check_host(model, host_name):
    """Raise MAOError unless a model has what the restriction needs."""
    model = unwrap(model)
    learner = getattr(model, "prompt_learner", None)
    missing = "model.prompt_learner" if learner is None else None
    for name in ("token_prefix", "token_suffix"):
        if missing is None and not hasattr(learner, name):
            missing = "model.prompt_learner." + name
    if missing is None and not hasattr(learner, "tokenized_prompts") and not hasattr(model, "tokenized_prompts"):
        missing = "model.prompt_learner.tokenized_prompts"
    if missing:
        raise MAOError("MAO cannot wrap {}: it has no {}; see docs/drop_in.md for what a host needs".format(host_name, missing))


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
    learner = model.prompt_learner
    n_cls = len(learner.token_prefix)
    modules = {id(module): module for root in (model, *further_modules) for module in root.modules()}
    restores = []
    try:
        for module in modules.values():
            for name in PER_CLASS + tuple(further_names):
                _narrow(module, name, labels, n_cls, restores)
            if module.__dict__.get("n_cls") == n_cls:
                _replace(module.__dict__, "n_cls", len(labels), restores)
        if getattr(getattr(learner, "ctx", None), "ndim", 2) == 3:  # class-specific context
            _narrow(learner, "ctx", labels, n_cls, restores)
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
            raise MAOError("MAO cannot restrict the cross-entropy of {}: in training it has to return a tuple, first the "
                           "cross-entropy, last the logits".format(type(unwrap(model)).__name__))
        logits = select_candidates(output[-1], labels, dim=1)
        return (F.cross_entropy(logits, candidate_targets(labels).to(logits.device)),) + output[1:]

    handle = model.register_forward_hook(restrict)
    try:
        yield
    finally:
        handle.remove()


def _narrow(module, name, labels, n_cls, restores):
    """Narrow the attribute of a module, wherever torch keeps it; does nothing where there is none of C entries."""
    for place in (module._buffers, module._parameters, module.__dict__):
        value = place.get(name)
        if value is None or not hasattr(value, "__len__") or len(value) != n_cls:
            continue
        if not torch.is_tensor(value):
            _replace(place, name, [value[label] for label in labels.tolist()], restores)
        elif place is module._parameters:
            _hide_parameter(module, name, select_candidates(value, labels), restores)
        else:
            _replace(place, name, select_candidates(value, labels), restores)


def _replace(place, name, value, restores):
    if name in place:
        restores.append(lambda old=place[name]: place.__setitem__(name, old))
        place[name] = value


def _hide_parameter(module, name, value, restores):
    """Put a tensor computed from a parameter in the parameter's place; restores the order of the parameters, too."""
    saved = dict(module._parameters)

    def restore():
        module.__dict__.pop(name, None)
        module._parameters.clear()
        module._parameters.update(saved)

    restores.append(restore)
    del module._parameters[name]
    module.__dict__[name] = value
