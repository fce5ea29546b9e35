"""CoCoOp: conditional context optimisation.

Zhou, Yang, Loy and Liu, "Conditional Prompt Learning for Vision-Language Models", CVPR 2022,
https://arxiv.org/abs/2203.05557.
As CoOp, but a small network, the meta net, shifts all context vectors by one vector that it makes of each image, so
every image has text features of its own.
"""
from collections import OrderedDict

import torch
from dassl.engine import TRAINER_REGISTRY
from torch import nn
from yacs.config import CfgNode

from .prompting.checkpoints import LearnableState
from .prompting.checks import check_context
from .prompting.clip_package import CLIP
from .prompting.encoders import normalize
from .prompting.model import PromptedCLIP
from .prompting.prompt_learner import PromptLearner, context_of_words
from .prompting.trainer import PromptTrainer


def extend_cfg(cfg: CfgNode) -> None:
    """Add TRAINER.COCOOP to a config."""
    if "COCOOP" not in cfg.TRAINER:
        cfg.TRAINER.COCOOP = CfgNode({
            "N_CTX": 16,  # number of context vectors
            "CTX_INIT": "",  # words to start from; if given, N_CTX is ignored
            "PREC": "fp16",  # a PrecisionName
        })


class ConditionalPromptLearner(PromptLearner):
    """Context vectors ``ctx`` (n_ctx, width), and ``meta_net`` from image features to what is added to each of them."""

    def __init__(self, cfg: CfgNode, classnames: list[str], clip_model: CLIP) -> None:
        words, ctx = context_of_words(cfg.TRAINER.COCOOP.CTX_INIT, clip_model, cfg.TRAINER.COCOOP.N_CTX)
        super().__init__(classnames, clip_model, words, ctx)
        text_width, dimension = clip_model.text_projection.shape
        self.meta_net = nn.Sequential(OrderedDict(
            linear1=nn.Linear(dimension, dimension // 16),
            relu=nn.ReLU(),
            linear2=nn.Linear(dimension // 16, text_width),
        ))

    def contexts(self, image_features: torch.Tensor) -> torch.Tensor:
        """Context (batch, n_ctx, width) of images with normalised features (batch, embedding dimension); section 3.2.
        """
        return self.ctx + self.meta_net(image_features)[:, None]


class ConditionalCLIP(PromptedCLIP):
    """CLIP whose text features depend on the image."""

    conditional = True
    prompt_learner: ConditionalPromptLearner

    # The base class has one set of text features for all images.
    def encode_prompts(self, image_features: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """Un-normalised text features (batch, classes, embedding dimension) for normalised image features."""
        learner = self.prompt_learner
        return self.text_encoder(learner.prompts(), contexts=learner.contexts(image_features))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        image_features = normalize(self.encode_images(image).float())
        text_features = normalize(self.encode_prompts(image_features).float())
        return self.logit_scale.exp() * torch.einsum("bd,bcd->bc", image_features, text_features)


@TRAINER_REGISTRY.register()
class CoCoOp(PromptTrainer):
    """CoCoOp on a frozen CLIP; saved and loaded as ``prompt_learner`` with the keys ``ctx`` and ``meta_net.*``."""

    config_node = "COCOOP"
    checkpoint_name = "prompt_learner"
    model: ConditionalCLIP

    def check_cfg(self, cfg: CfgNode) -> None:
        super().check_cfg(cfg)
        if not cfg.TRAINER.COCOOP.CTX_INIT:
            check_context("TRAINER.COCOOP.N_CTX", cfg.TRAINER.COCOOP.N_CTX)

    def make_model(self, classnames: list[str], clip_model: CLIP) -> ConditionalCLIP:
        return ConditionalCLIP(ConditionalPromptLearner(self.cfg, classnames, clip_model), clip_model)

    def learnable_module(self) -> LearnableState:
        return self.model.prompt_learner
