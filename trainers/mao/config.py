"""Config keys of MAO: their defaults (``defaults.yaml``), what they may be, and the config that each step runs with."""
from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator
from operator import getitem
from typing import Literal, get_args

from yacs.config import CfgNode

from .errors import MAOError

DEFAULTS = os.path.join(os.path.dirname(__file__), "defaults.yaml")

Stage = Literal["base", "new"]
"""Step 1 (DDE-base, reg-B) is ``base``, step 2 (DDE-new, reg-N) is ``new``."""

CHOICES = {
    "STAGE": Literal["auto", "base", "new"],
    "POOL": Literal["train", "fewshot"],
    "BASE_RUN": Literal["step1", "backbone"],
    "PSEUDO_LABELS": Literal["base", "clip"],
    "PSEUDO_TEMPLATE": Literal["dataset", "photo"],
    "PSEUDO_VIEW": Literal["train", "test"],
    "NEW.START": Literal["base", "fresh"],
}

OF_STEP_2 = {
    "BATCH_SIZE": "DATALOADER.TRAIN_X.BATCH_SIZE",
    "LR": "OPTIM.LR",
    "MAX_EPOCH": "OPTIM.MAX_EPOCH",
}
"""Key of the node MAO.NEW -> key of Dassl whose place it takes in step 2."""


def extend_cfg(cfg: CfgNode) -> None:
    """Add the node MAO to a Dassl config; calling it twice changes nothing."""
    if "MAO" not in cfg:
        with open(DEFAULTS, encoding="utf-8") as file:
            cfg.MAO = CfgNode.load_cfg(file)


def stage(cfg: CfgNode) -> Stage:
    """The step that a run is."""
    if cfg.MAO.STAGE != "auto":
        return cfg.MAO.STAGE
    return "new" if cfg.DATASET.SUBSAMPLE_CLASSES == "new" else "base"


def for_step(cfg: CfgNode) -> CfgNode:
    """The config of a run: in step 1 ``cfg`` itself, in step 2 a frozen copy in which MAO.NEW has taken effect."""
    if stage(cfg) == "base":
        return cfg
    own = cfg.clone()
    own.defrost()
    for key, place in OF_STEP_2.items():
        if cfg.MAO.NEW[key]:
            own.merge_from_list([place, cfg.MAO.NEW[key]])
    own.freeze()
    return own


@contextlib.contextmanager
def named(cfg: CfgNode, trainer: str) -> Iterator[None]:
    """TRAINER.NAME is ``trainer`` inside the context: some hosts find their config node by it."""
    frozen, own = cfg.is_frozen(), cfg.TRAINER.NAME
    cfg.defrost()
    cfg.TRAINER.NAME = trainer
    try:
        yield
    finally:
        cfg.TRAINER.NAME = own
        if frozen:
            cfg.freeze()


def check(cfg: CfgNode) -> None:
    """Raise MAOError for a value that MAO cannot work with."""
    if "MAO" not in cfg:
        raise MAOError("the config has no node MAO: call trainers.mao.extend_cfg(cfg) in train.py before merging files")
    if "SUBSAMPLE_CLASSES" not in cfg.DATASET:
        raise MAOError("the config has no DATASET.SUBSAMPLE_CLASSES: MAO needs the base/new split that CoOp's "
                       "repository has in train.py and its data sets since CoCoOp; add both")
    for key, literal in CHOICES.items():
        value, choices = functools.reduce(getitem, key.split("."), cfg.MAO), get_args(literal)
        if value not in choices:
            raise MAOError(f"MAO.{key} {value!r} is unknown: choose one of {', '.join(choices)}")
    if cfg.MAO.TOPK < 2:
        raise MAOError(f"MAO.TOPK is {cfg.MAO.TOPK}: give at least 2 (the anchor's class and one hard negative)")
    if cfg.MAO.BASE_EPOCH < -1:
        raise MAOError(f"MAO.BASE_EPOCH is {cfg.MAO.BASE_EPOCH}: give an epoch of step 1, or -1 for the last")
    for key, place in OF_STEP_2.items():
        if cfg.MAO.NEW[key] < 0:
            raise MAOError(f"MAO.NEW.{key} is {cfg.MAO.NEW[key]}: give a positive number, or 0 to keep {place}")
    if cfg.MAO.NEW.START == "fresh" and not cfg.MAO.DDE_NEW:
        raise MAOError("MAO.NEW.START fresh leaves nothing of step 1 where MAO.DDE_NEW False trains nothing: set "
                       "MAO.NEW.START to base")
    if cfg.MAO.STAGE == "new" and cfg.DATASET.SUBSAMPLE_CLASSES != "new":
        raise MAOError("MAO.STAGE new needs the base/new split, but DATASET.SUBSAMPLE_CLASSES is "
                       f"{cfg.DATASET.SUBSAMPLE_CLASSES!r}: set it to new")
