"""The config keys of the data sets, beside Dassl's own in the node DATASET."""
from yacs.config import CfgNode


def extend_cfg(cfg: CfgNode) -> None:
    cfg.DATASET.SUBSAMPLE_CLASSES = "all"  # all, base or new
    cfg.DATASET.ALL_VAL = False  # all validation images instead of the few-shot draw's, at most four per class
    cfg.DATASET.LABEL = ""  # the data set's name in tables; "": its own name, of ImageFolder that of its folder
    cfg.DATASET.SPLIT_FILE = ""  # a split of one's own, in the field's format (json) or as csv: path,label[,split]
    cfg.DATASET.SPLIT_SEED = 1  # of the split that is made here of one's own images
    cfg.DATASET.TEMPLATE = ""  # "a satellite photo of {}.", instead of the data set's own
    cfg.DATASET.CLASSES = ""  # file with the names of the classes to use, one a line
