"""Config keys of MAO, and what they may be."""
from yacs.config import CfgNode

from .errors import MAOError

CHOICES = {
    "STAGE": ("auto", "base", "new"),
    "POOL": ("train", "fewshot"),
    "PSEUDO_LABELS": ("base", "clip"),
    "PSEUDO_VIEW": ("train", "test"),
}


def extend_cfg(cfg):
    """Add the node MAO to a Dassl config; calling it twice changes nothing."""
    if "MAO" in cfg:
        return
    cfg.MAO = CfgNode()
    # base: step 1, new: step 2; auto: new where DATASET.SUBSAMPLE_CLASSES is "new", else base
    cfg.MAO.STAGE = "auto"

    # Step 1
    cfg.MAO.TOPK = 8  # K most similar classes, the anchor's own included (paper: 8)
    cfg.MAO.SIMILARITY = "minilm"  # minilm, clip, or the path of a .npy matrix (classes x classes, label order)
    cfg.MAO.POOL = "train"  # images that hard negatives are drawn from: train (whole train split) or fewshot
    cfg.MAO.DDE_BASE = True  # enlarge batches by hard negatives
    cfg.MAO.REG_BASE = True  # score each image against the batch's classes only

    # Step 2
    cfg.MAO.BASE_DIR = ""  # output folder of step 1
    cfg.MAO.BASE_EPOCH = -1  # its epoch; -1: the last
    # base: the frozen prompts of step 1 (released code); clip: zero-shot CLIP (paper's figure)
    cfg.MAO.PSEUDO_LABELS = "base"
    cfg.MAO.PSEUDO_VIEW = "train"  # train: label the augmented view, each step anew; test: the plain view, once
    cfg.MAO.DDE_NEW = True  # train on pseudo-labelled images of the new classes; off: step 1's prompts stay as they are
    cfg.MAO.REG_NEW = True  # loss over the new classes only; off: over new and base classes together


def stage(cfg):
    """``"base"`` (step 1) or ``"new"`` (step 2)."""
    if cfg.MAO.STAGE != "auto":
        return cfg.MAO.STAGE
    return "new" if cfg.DATASET.SUBSAMPLE_CLASSES == "new" else "base"


def check(cfg):
    """Raise MAOError for a value that MAO cannot work with."""
    if "MAO" not in cfg:
        raise MAOError("the config has no node MAO: call trainers.mao.extend_cfg(cfg) in train.py before merging files")
    if "SUBSAMPLE_CLASSES" not in cfg.DATASET:
        raise MAOError("the config has no DATASET.SUBSAMPLE_CLASSES: MAO needs the base/new split that CoOp's "
                       "repository has in train.py and its data sets since CoCoOp; add both")
    for key, choices in CHOICES.items():
        if cfg.MAO[key] not in choices:
            raise MAOError(f"MAO.{key} {cfg.MAO[key]!r} is unknown: choose one of {', '.join(choices)}")
    if cfg.MAO.TOPK < 2:
        raise MAOError(f"MAO.TOPK is {cfg.MAO.TOPK}: give at least 2 (the anchor's class and one hard negative)")
    if cfg.MAO.STAGE == "new" and cfg.DATASET.SUBSAMPLE_CLASSES != "new":
        raise MAOError(
            f"MAO.STAGE new needs the base/new split, but DATASET.SUBSAMPLE_CLASSES is "
            f"{cfg.DATASET.SUBSAMPLE_CLASSES!r}: set it to new"
        )
