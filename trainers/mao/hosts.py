"""Which trainers of the repository around the plug-in get a MAO variant."""
from __future__ import annotations

import importlib
import importlib.util
import os

from dassl.engine import TRAINER_REGISTRY, SimpleTrainer

from .errors import MAOError
from .trainer import MAO

KNOWN_HOSTS: dict[str, tuple[str, dict[str, bool]]] = {
    "CoOp": ("trainers.coop", {}),
    "CoCoOp": ("trainers.cocoop", {}),
    "KgCoOp": ("trainers.kgcoop", {}),
    "VPT": ("trainers.vpt", {}),
    "IVLP": ("trainers.independentVL", {}),
    "MaPLe": ("trainers.maple", {}),
    "PromptSRC": ("trainers.promptsrc", {"mao_all_class_losses": True}),
}
"""Host trainer -> (module that registers it, by the upstream repositories' naming; what its variant needs to know)."""


def add_mao(host: type[SimpleTrainer], **attributes: object) -> type[SimpleTrainer]:
    """Register ``<Host>_MAO`` for a host trainer class and return it.

    Args:
        host: trainer class whose model has what ``host_contract.check_host`` asks for.
        attributes: class attributes of the variant, for example ``mao_per_class=("class_bias",)``.
    """
    name = host.__name__ + "_MAO"
    if name in TRAINER_REGISTRY.registered_names():
        return TRAINER_REGISTRY.get(name)
    doc = f"{host.__name__} with model-agnostic optimisation, arXiv 2503.18160."
    variant = type(name, (MAO, host), {**attributes, "__doc__": doc, "__module__": host.__module__})
    return TRAINER_REGISTRY.register()(variant) or variant  # the original Dassl returns None


def register_hosts() -> None:
    """Register the MAO variants of the known hosts that exist here, and of those that MAO_HOSTS names.

    MAO_HOSTS in the environment is a comma-separated list of trainers, such as ``KgCoOp,ProGrad``; those that nothing
    registered yet are looked for as ``trainers.kgcoop``.
    """
    for name, (module, attributes) in KNOWN_HOSTS.items():
        if name not in TRAINER_REGISTRY.registered_names() and importlib.util.find_spec(module) is not None:
            try:
                importlib.import_module(module)
            except ImportError as error:  # a host that does not run here must not keep the others from running
                print(f"MAO: {name}_MAO is not registered, because {module} cannot be imported ({error})")
        if name in TRAINER_REGISTRY.registered_names():
            add_mao(TRAINER_REGISTRY.get(name), **attributes)
    for name in filter(None, (part.strip() for part in os.environ.get("MAO_HOSTS", "").split(","))):
        module = f"{__package__.rpartition('.')[0]}.{name.lower()}"
        if name not in TRAINER_REGISTRY.registered_names() and importlib.util.find_spec(module) is not None:
            importlib.import_module(module)
        if name not in TRAINER_REGISTRY.registered_names():
            registered = ", ".join(TRAINER_REGISTRY.registered_names())
            raise MAOError(f"MAO_HOSTS names {name!r}, which is no registered trainer: import it in train.py before "
                           f"trainers.mao; registered are {registered}")
        add_mao(TRAINER_REGISTRY.get(name))
