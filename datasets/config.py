"""The config keys of the data sets, beside Dassl's own in the node DATASET."""
from yacs.config import CfgNode


def extend_cfg(cfg: CfgNode) -> None:
    cfg.DATASET.SUBSAMPLE_CLASSES = "all"  # all, base or new
    cfg.DATASET.LABEL = ""  # the data set's name in tables; "": its own name, of ImageFolder that of its folder
