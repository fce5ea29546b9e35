"""The part of Dassl's API that CoOp-family trainers use, written anew for current PyTorch (no code of Dassl's).

Names, config keys and checkpoint layout are those of Dassl 0.6.3, so that trainers, data sets and train.py of such
repositories run on it unchanged. It knows nothing of CLIP or of prompts.
"""
import sys

from compat.lazy_torchvision import import_lazily

from .left_out import LeftOutFinder

__version__ = "0.6.3+bundled"

import_lazily()  # before a module of this package imports torchvision
sys.meta_path.append(LeftOutFinder)
