"""The config keys of the data sets, beside Dassl's own in the node DATASET."""
from yacs.config import CfgNode


def extend_cfg(cfg: CfgNode) -> None:
    cfg.DATASET.SUBSAMPLE_CLASSES = "all"  # all, base or new
    cfg.DATASET.ALL_VAL = False  # all validation images instead of the few-shot draw's, at most four per class
    cfg.DATASET.LABEL = ""  # the data set's name in tables; "": its own name, of ImageFolder that of its folder
