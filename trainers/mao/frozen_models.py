"""DDE-new: the frozen models that label images, a copy of the host's prompted CLIP or zero-shot CLIP."""
from __future__ import annotations

import contextlib
import copy
import sys
from collections.abc import Iterator
from typing import Protocol

import torch
from dassl.data.data_manager import DataManager
from dassl.engine import TRAINER_REGISTRY, SimpleTrainer
from torch import nn
from yacs.config import CfgNode

from .errors import MAOError
from .host_contract import unwrap
from .run_data import with_template

RELEASED_TEMPLATE = "A photo of a {}."
"""The prompt of the released code's zero-shot classifier, which it builds for step 2 and then never asks."""


def frozen_copy(model: nn.Module) -> nn.Module:
    """Copy of a prompted CLIP that later steps do not change, in eval mode.

    Frozen weights, buffers and tensors in plain attributes are shared with the model, only its learnable parameters are
    copied. The copy encodes its classes once (``CachedTextEncoder``).
    """
    model = unwrap(model)
    shared = [p for p in model.parameters() if not p.requires_grad] + list(model.buffers())
    for module in model.modules():  # results of computations, which deepcopy refuses, among them
        shared += [value for value in vars(module).values() if torch.is_tensor(value)]
    twin = copy.deepcopy(model, {id(tensor): tensor for tensor in shared})
    for parameter in twin.parameters():
        parameter.requires_grad_(False)
    encoder = getattr(twin, "text_encoder", None)
    if isinstance(encoder, nn.Module):
        twin.text_encoder = CachedTextEncoder(encoder)
    return twin.eval()


class CachedTextEncoder(nn.Module):
    """A frozen text encoder that keeps its features as long as it is called with the same prompts.

    The prompts of a frozen model never change, except in hosts that make prompts of each image. Attributes are those of
    the encoder.
    """

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self._kept: tuple[tuple, torch.Tensor] | None = None

    def forward(self, *args: object, **kwargs: object) -> torch.Tensor:
        prompts = (args, sorted(kwargs.items()))
        if self._kept is None or not same(prompts, self._kept[0]):
            self._kept = prompts, self.encoder(*args, **kwargs)
        return self._kept[1]

    def __getattr__(self, name: str) -> torch.Tensor | nn.Module:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("encoder"), name)


def same(value: object, other: object) -> bool:
    """Whether two arguments, tensors or sequences of such, are equal."""
    if value is other:
        return True
    if torch.is_tensor(value):
        return (torch.is_tensor(other) and (value.shape, value.dtype, value.device) == (
            other.shape, other.dtype, other.device) and torch.equal(value, other))
    if isinstance(value, (list, tuple)):
        return (isinstance(other, (list, tuple)) and len(value) == len(other)
                and all(map(same, value, other)))
    return isinstance(value, (int, float, str)) and value == other


class ZeroShotCLIP(Protocol):
    """What is used of a repository's own ZeroshotCLIP trainer."""

    text_features: torch.Tensor  # (classes, embedding dimension)

    def model_inference(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (batch, classes) of images (batch, 3, height, width)."""


def zero_shot_clip(cfg: CfgNode, data_manager: DataManager, template: str | None = None) -> ZeroShotCLIP:
    """The repository's own ZeroshotCLIP trainer, for the classes and on the loaders of a data manager.

    Args:
        template: in place of the data set's own, for example ``RELEASED_TEMPLATE``.

    Raises:
        MAOError: the repository has none, or no place to give it a template.
    """
    if "ZeroshotCLIP" not in TRAINER_REGISTRY.registered_names():
        raise MAOError(
            "there is no trainer ZeroshotCLIP in this repository, which MAO.PSEUDO_LABELS clip and MAO.SIMILARITY clip "
            "need: import it in train.py, or use base and minilm")

    host = TRAINER_REGISTRY.get("ZeroshotCLIP")
    with _template_in_place(host, cfg, data_manager, template) as data_manager:
        return _built(host, cfg, data_manager)


def _built(host: type[SimpleTrainer], cfg: CfgNode, data_manager: DataManager) -> ZeroShotCLIP:
    """The trainer on the loaders of a data manager."""

    def build_data_loader(trainer: SimpleTrainer) -> None:  # sets what Dassl's sets, but reads no data set
        trainer.dm = data_manager
        for name in ("train_loader_x", "train_loader_u", "val_loader", "test_loader", "num_classes",
                     "num_source_domains", "lab2cname"):
            setattr(trainer, name, getattr(data_manager, name))

    return type(host.__name__, (host,), {"build_data_loader": build_data_loader})(cfg)


@contextlib.contextmanager
def _template_in_place(host: type[SimpleTrainer], cfg: CfgNode, manager: DataManager, template: str | None,
                       ) -> Iterator[DataManager]:
    """The data manager that ``host`` takes the template from; CoOp's family has a table by data sets for that."""
    by_dataset = getattr(sys.modules[host.__module__], "CUSTOM_TEMPLATES", None)
    if template is None:
        yield manager
    elif isinstance(by_dataset, dict):
        kept = dict(by_dataset)
        by_dataset[cfg.DATASET.NAME] = template
        try:
            yield manager
        finally:
            by_dataset.clear()
            by_dataset.update(kept)
    elif hasattr(manager.dataset, "template"):
        yield with_template(manager, template)
    else:
        raise MAOError("MAO.PSEUDO_TEMPLATE photo has no place in this repository's ZeroshotCLIP (neither a table "
                       "CUSTOM_TEMPLATES nor a template of the data set): set it to dataset")
