"""A CoOp model on the small CLIP, without a trainer around it."""
import torch
from small_clip import small_clip
from yacs.config import CfgNode

from trainers.coop import CoOpPromptLearner, extend_cfg
from trainers.prompting.model import PromptedCLIP

NAMES = ["cat", "grand piano", "stethoscope", "ice cream van", "bee"]


def model_of(**changes):
    cfg = CfgNode({"TRAINER": CfgNode()})
    extend_cfg(cfg)
    for key, value in {"N_CTX": 4, **changes}.items():
        cfg.TRAINER.COOP[key] = value
    torch.manual_seed(0)
    clip_model = small_clip()
    return PromptedCLIP(CoOpPromptLearner(cfg, NAMES, clip_model), clip_model)
