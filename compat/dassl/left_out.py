"""What this engine leaves out of Dassl, and what an import of it says."""
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

MODULES = {
    "dassl.modeling": "trainers of the CoOp family build a model of their own",
    "dassl.engine.da": "its trainers learn whole backbones for domain adaptation",
    "dassl.engine.dg": "its trainers learn whole backbones for domain generalisation",
    "dassl.engine.ssl": "its trainers learn whole backbones from few labels",
    "dassl.data.datasets.da": "repositories of the CoOp family bring their data sets",
    "dassl.data.datasets.dg": "repositories of the CoOp family bring their data sets",
    "dassl.data.datasets.ssl": "repositories of the CoOp family bring their data sets",
    "dassl.data.transforms.autoaugment": "its policies are torchvision's AutoAugment; INPUT.TRANSFORMS chooses them",
    "dassl.data.transforms.randaugment": "it is torchvision's RandAugment; INPUT.TRANSFORMS chooses it",
}
"""By name, with the reason; what lies below them is left out, too."""

NAMES = {
    "dassl.data.samplers.RandomDomainSampler": "build_sampler makes it by its name",
    "dassl.data.samplers.SeqDomainSampler": "build_sampler makes it by its name",
    "dassl.data.samplers.RandomClassSampler": "build_sampler makes it by its name",
    "dassl.engine.trainer.build_backbone": MODULES["dassl.modeling"],
    "dassl.engine.trainer.build_head": MODULES["dassl.modeling"],
    "dassl.optim.radam.AdamW": "torch.optim.AdamW is the same without its warm-up",
}
"""Names in modules that are there."""


class LeftOutFinder:
    """Stands last among the finders: what it is asked for in ``dassl`` no other has found."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """None for what is not Dassl's; ModuleNotFoundError, with the reason, for what is."""
        if name.partition(".")[0] != "dassl" or "." not in name:
            return None
        reason = next((why for module, why in MODULES.items() if f"{name}.".startswith(f"{module}.")), "")
        raise ModuleNotFoundError(f"{name} is no part of the bundled engine{reason and f' ({reason})'}: install Dassl "
                                  "and set DASSL_ENGINE=installed, or take the import out", name=name)
