"""KgCoOp: knowledge-guided context optimisation.

Yao, Zhang and Xu, "Visual-Language Prompt Tuning with Knowledge-guided Context Optimization", CVPR 2023,
https://arxiv.org/abs/2303.13283.
As CoOp, but the learnt text features are held close to those of hand-written prompts.
"""
from typing import cast

import torch
from dassl.engine import TRAINER_REGISTRY
from torch.nn import functional as F
from yacs.config import CfgNode

from .prompting import coop_prompts
from .prompting.checkpoints import LearnableState
from .prompting.clip_package import CLIP
from .prompting.encoders import normalize
from .prompting.model import PromptedCLIP
from .prompting.teacher import mean_text_features
from .prompting.templates import DEFAULT_TEMPLATE
from .prompting.trainer import PromptTrainer

WEIGHT = 8.0  # the paper's


def extend_cfg(cfg: CfgNode) -> None:
    """Add TRAINER.COOP, as upstream the node of CoOp, with a key more."""
    coop_prompts.extend_cfg(cfg)
    if "W" not in cfg.TRAINER.COOP:
        cfg.TRAINER.COOP.W = WEIGHT  # of the distance to the hand-written prompts; CoOp does not read it


class KnowledgePromptLearner(coop_prompts.CoOpPromptLearner):
    """CoOp's, with ``ori_embedding``: normalised fp32 features of hand-written prompts (classes, dimension), not saved.

    Args:
        template: the hand-written prompt, with {} for the class name.
    """

    ori_embedding: torch.Tensor

    def __init__(self, cfg: CfgNode, classnames: list[str], clip_model: CLIP, template: str) -> None:
        super().__init__(cfg, classnames, clip_model)
        features = normalize(mean_text_features(clip_model, classnames, [template]))
        self.register_buffer("ori_embedding", features, persistent=False)


def knowledge_loss(text: torch.Tensor, knowledge: torch.Tensor) -> torch.Tensor:
    """Mean over the classes of 1 - cosine similarity of learnt and hand-written prompts' features; a scalar.

    Equation 3 has the squared Euclidean distance instead, which for normalised features is twice as large; this is what
    the authors' repository computes.

    Args:
        text, knowledge: normalised features (classes, dimension).
    """
    return 1 - (text * knowledge).sum(dim=1).mean()


@TRAINER_REGISTRY.register()
class KgCoOp(PromptTrainer):
    """KgCoOp on a frozen CLIP; saved and loaded as ``prompt_learner`` with the key ``ctx``, as CoOp."""

    config_node = "COOP"
    checkpoint_name = "prompt_learner"
    model: PromptedCLIP

    def check_cfg(self, cfg: CfgNode) -> None:
        super().check_cfg(cfg)
        coop_prompts.check_options(cfg.TRAINER.COOP)

    def make_model(self, classnames: list[str], clip_model: CLIP) -> PromptedCLIP:
        template = getattr(self.dm.dataset, "template", DEFAULT_TEMPLATE)
        learner = KnowledgePromptLearner(self.cfg, classnames, clip_model.to(self.device), template)
        return PromptedCLIP(learner, clip_model)

    def learnable_module(self) -> LearnableState:
        return self.model.prompt_learner

    def training_loss(self, image: torch.Tensor, label: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        model = self.model
        text_features = model.text_features()
        logits = model.logits(normalize(model.encode_images(image).float()), text_features)
        learner = cast(KnowledgePromptLearner, model.prompt_learner)
        distance = knowledge_loss(text_features, learner.ori_embedding)
        weight = self.cfg.TRAINER.COOP.get("W", WEIGHT)  # a fork's own node, of CoOp, has no W
        return F.cross_entropy(logits, label) + weight * distance, logits
