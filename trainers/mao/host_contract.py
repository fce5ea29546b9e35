"""What the plug-in needs of a host trainer's model, and the sentences for a host that does not have it."""
import torch

from .errors import MAOError

PER_CLASS = (
    "token_prefix", "token_suffix", "tokenized_prompts", "name_lens",  # CoOp, MaPLe and their forks
    "ori_embedding",  # KgCoOp: features of hand-written prompts
    "text_features",  # ProGrad's zero-shot teacher, TCP and others: features of hand-written prompts
    "fixed_embeddings",  # PromptSRC's teacher, for forks of it that do not set mao_all_class_losses
    "classnames",
)
"""Attributes, of any module of a host, that hold one row or item a class.

Buffers called ``token_...`` count, too (``per_class_names``). A host class adds its own by the attribute
``mao_per_class``.
"""


def per_class_names(module, further_names=()):
    """Names that hold one row or item a class, where a module has them: known, named by the host, or ``token_...``.

    Prompts with words in several places, such as ATPrompt's, keep the tokens between them as ``token_middle1``, ...
    """
    names = PER_CLASS + tuple(further_names)
    return names + tuple(name for name in module._buffers if name.startswith("token_") and name not in names)


def unwrap(model):
    """The model inside DataParallel, or the model itself."""
    return model.module if isinstance(model, torch.nn.DataParallel) else model


def class_count(model):
    """Number of classes that a host model was built for."""
    learner = unwrap(model).prompt_learner
    n_cls = getattr(learner, "n_cls", None)
    return n_cls if isinstance(n_cls, int) else len(learner.token_prefix)


def check_host(model, host_name):
    """Raise MAOError, which names the missing attribute, unless a model has what the restriction needs."""
    if not isinstance(model, torch.nn.Module):
        raise _misfit(host_name, "it has no model (self.model)")
    model = unwrap(model)
    learner = getattr(model, "prompt_learner", None)
    if learner is None:
        raise _misfit(host_name, "it has no model.prompt_learner")
    for name in ("token_prefix", "token_suffix"):
        if not hasattr(learner, name):
            raise _misfit(host_name, "it has no model.prompt_learner." + name)
    if not hasattr(learner, "tokenized_prompts") and not hasattr(model, "tokenized_prompts"):
        raise _misfit(host_name, "it has no model.prompt_learner.tokenized_prompts")
    if len(learner.token_prefix) != class_count(model):
        raise _misfit(host_name, "its model.prompt_learner.token_prefix has {} rows for {} classes, and one a class is "
                                 "needed".format(len(learner.token_prefix), class_count(model)))


def _misfit(host_name, reason):
    return MAOError("MAO cannot wrap {}: {}; see docs/drop_in.md for what a host needs".format(host_name, reason))


def host_trainer(trainer_class):
    """The trainer that a MAO variant wraps: the first class after the mixin."""
    from .trainer import MAO

    return next(base for base in trainer_class.__mro__ if not issubclass(base, MAO))


def tensors_in(output):
    """The tensors of a model's output: itself, or those in a tuple, list or dict, in order."""
    if torch.is_tensor(output):
        return [output]
    if isinstance(output, dict):
        output = list(output.values())
    if isinstance(output, (tuple, list)):
        return [tensor for part in output for tensor in tensors_in(part)]
    return []


def further_per_class(model, further_names=()):
    """Names of tensors below a model with one row a class that nobody named so: ``"prompt_learner.bias"``, ...

    Sizes may agree by chance, so this is good for a hint only. Frozen parameters are CLIP's weights and do not count.
    """
    model = unwrap(model)
    n_cls, names = class_count(model), []
    for path, module in model.named_modules():
        for place in (module._buffers, module._parameters, module.__dict__):
            for name, value in place.items():
                if not torch.is_tensor(value) or isinstance(value, torch.nn.Parameter) and not value.requires_grad:
                    continue
                if value.dim() and len(value) == n_cls and name not in per_class_names(module, further_names):
                    names.append((path + "." + name).lstrip("."))
    return [name for name in names if name != "prompt_learner.ctx"]
