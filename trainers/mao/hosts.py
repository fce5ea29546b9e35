"""Which trainers of the repository around the plug-in get a MAO variant."""
import importlib
import importlib.util
import os

from dassl.engine import TRAINER_REGISTRY

from .errors import MAOError
from .trainer import MAO

KNOWN_HOSTS = {
    "CoOp": ("trainers.coop", {}),
    "MaPLe": ("trainers.maple", {}),
    "PromptSRC": ("trainers.promptsrc", {"mao_all_class_losses": True}),
}
"""Host trainer -> (module that registers it, by the upstream repositories' naming; what its variant needs to know)."""


def add_mao(host, **attributes):
    """Register ``<Host>_MAO`` for a host trainer class and return it.

    Args:
        host: Dassl TrainerX class whose model meets the contract of ``candidates.check_host``.
        attributes: class attributes of the variant, for example ``mao_per_class=("class_bias",)``.
    """
    name = host.__name__ + "_MAO"
    if name in TRAINER_REGISTRY.registered_names():
        return TRAINER_REGISTRY.get(name)
    doc = "{} with model-agnostic optimisation, arXiv 2503.18160.".format(host.__name__)
    variant = type(name, (MAO, host), dict(attributes, __doc__=doc, __module__=host.__module__))
    return TRAINER_REGISTRY.register()(variant) or variant


def register_hosts():
    """Register the MAO variants of the known hosts that exist here, and of those that MAO_HOSTS names.

    MAO_HOSTS in the environment is a comma-separated list of trainers, such as ``KgCoOp,ProGrad``; those that nothing
    registered yet are looked for as ``trainers.kgcoop``.
    """
    for name, (module, attributes) in KNOWN_HOSTS.items():
        if name not in TRAINER_REGISTRY.registered_names() and importlib.util.find_spec(module) is not None:
            try:
                importlib.import_module(module)
            except ImportError as error:  # a host that does not run here must not keep the others from running
                print("MAO: {}_MAO is not registered, because {} cannot be imported ({})".format(name, module, error))
        if name in TRAINER_REGISTRY.registered_names():
            add_mao(TRAINER_REGISTRY.get(name), **attributes)
    for name in filter(None, (part.strip() for part in os.environ.get("MAO_HOSTS", "").split(","))):
        module = "{}.{}".format(__package__.rpartition(".")[0], name.lower())
        if name not in TRAINER_REGISTRY.registered_names() and importlib.util.find_spec(module) is not None:
            importlib.import_module(module)
        if name not in TRAINER_REGISTRY.registered_names():
            registered = ", ".join(TRAINER_REGISTRY.registered_names())
            raise MAOError("MAO_HOSTS names {!r}, which is no registered trainer: import it in train.py before "
                           "trainers.mao; registered are {}".format(name, registered))
        add_mao(TRAINER_REGISTRY.get(name))
