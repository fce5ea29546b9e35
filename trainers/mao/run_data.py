"""The run's data in other forms than Dassl's loaders: the whole train split, another view, other classes or prompts."""
from __future__ import annotations

from typing import cast

from dassl.data.data_manager import DataManager, DatasetWrapper
from dassl.data.datasets import Datum, build_dataset
from torch.utils.data import DataLoader
from yacs.config import CfgNode

from .errors import MAOError


def whole_train_split(cfg: CfgNode, classnames: list[str]) -> list[Datum]:
    """DDE-base: every training image of the run's classes, which the few-shot draw is taken from.

    Args:
        classnames: those of the few-shot draw, which the labels have to agree with.
    """
    dataset = build_dataset(_changed(cfg, "DATASET.NUM_SHOTS", -1))
    if list(dataset.classnames) != classnames:
        raise MAOError(f"the train split of {cfg.DATASET.NAME} has other classes than its few-shot draw: set MAO.POOL "
                       "fewshot")
    return dataset.train_x


def in_view_of(loader: DataLoader, cfg: CfgNode, items: list[Datum], is_train: bool) -> DatasetWrapper:
    """Data set of other items, in the wrapper and with the transform of one of Dassl's loaders."""
    wrapper = cast(DatasetWrapper, loader.dataset)
    return type(wrapper)(cfg, items, transform=wrapper.transform, is_train=is_train)


def with_base_classes(cfg: CfgNode, manager: DataManager) -> DataManager:
    """reg-N off: the data manager of the new classes, whose class list goes on with the base classes.

    The new ones come first, so that their labels stay.
    """
    base = build_dataset(_changed(cfg, "DATASET.SUBSAMPLE_CLASSES", "base"))
    dataset = _Overlay(manager.dataset, classnames=[*manager.dataset.classnames, *base.classnames])
    return cast(DataManager, _Overlay(manager, dataset=dataset))


def with_classnames(manager: DataManager, classnames: list[str]) -> DataManager:
    """The data manager, with another class list."""
    labels = dict(enumerate(classnames))
    dataset = _Overlay(manager.dataset, classnames=classnames, num_classes=len(labels), lab2cname=labels)
    return cast(DataManager, _Overlay(manager, dataset=dataset, num_classes=len(labels), lab2cname=labels))


def with_template(manager: DataManager, template: str) -> DataManager:
    """The data manager, whose data set has another template for zero-shot CLIP."""
    return cast(DataManager, _Overlay(manager, dataset=_Overlay(manager.dataset, template=template)))


def _changed(cfg: CfgNode, key: str, value: object) -> CfgNode:
    cfg = cfg.clone()
    cfg.defrost()
    cfg.merge_from_list([key, value])
    cfg.freeze()
    return cfg


class _Overlay:
    """An object with some attributes replaced."""

    def __init__(self, below: object, **attributes: object) -> None:
        self._below = below
        self.__dict__.update(attributes)

    def __getattr__(self, name: str) -> object:
        return getattr(self._below, name)
