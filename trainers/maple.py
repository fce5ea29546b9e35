"""MaPLe: multi-modal prompt learning.

Khattak, Rasheed, Maaz, Khan and Khan, "MaPLe: Multi-modal Prompt Learning", CVPR 2023, https://arxiv.org/abs/2210.03117.
Unlike CoOp it has prompts in the first layers of both towers; unlike PromptSRC's, those of the image tower are not
independent: a linear layer makes each from the text prompt of its layer.
"""
import torch
from dassl.engine import TRAINER_REGISTRY
from torch import nn
from yacs.config import CfgNode

from .prompting.checks import check_context, check_depth
from .prompting.clip_package import CLIP
from .prompting.encoders import ImageEncoder
from .prompting.model import PromptedCLIP
from .prompting.prompt_learner import PromptLearner, initial_context, random_vectors
from .prompting.trainer import PromptTrainer


def extend_cfg(cfg: CfgNode) -> None:
    """Add TRAINER.MAPLE to a config."""
    if "MAPLE" not in cfg.TRAINER:
        cfg.TRAINER.MAPLE = CfgNode({
            "N_CTX": 2,  # context vectors per layer
            "CTX_INIT": "a photo of a",  # words to start from; used where N_CTX is at most 4
            "PREC": "fp16",  # a PrecisionName
            "PROMPT_DEPTH": 9,  # layers with prompts, at least 1
        })


class MultiModalPromptLearner(PromptLearner):
    """Text prompts of ``PROMPT_DEPTH`` layers and their projections to the image tower's width.

    Attributes:
        ctx: (n_ctx, text width), the first layer's. proj: its projection.
        compound_prompts_text: depth - 1 parameters (n_ctx, text width). compound_prompt_projections: a linear layer for
            each of them.
    """

    def __init__(self, cfg: CfgNode, classnames: list[str], clip_model: CLIP) -> None:
        options = cfg.TRAINER.MAPLE
        words, ctx = initial_context(options.CTX_INIT, options.N_CTX, clip_model)
        super().__init__(classnames, clip_model, words, ctx)
        text_width, vision_width = ctx.shape[1], len(clip_model.visual.class_embedding)
        layers = range(options.PROMPT_DEPTH - 1)
        self.proj = nn.Linear(text_width, vision_width)
        self.compound_prompts_text = nn.ParameterList(random_vectors(options.N_CTX, text_width) for _ in layers)
        self.compound_prompt_projections = nn.ModuleList(nn.Linear(text_width, vision_width) for _ in layers)
        for projection in self.compound_prompt_projections[1:]:  # all start as the first (upstream copies one layer)
            projection.load_state_dict(self.compound_prompt_projections[0].state_dict())

    def vision_prompts(self) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """(first layer's vectors (n_ctx, vision width), list of those of the next layers)."""
        deep = zip(self.compound_prompt_projections, self.compound_prompts_text, strict=True)
        return self.proj(self.ctx), [projection(prompt) for projection, prompt in deep]


class MultiModalCLIP(PromptedCLIP):
    """CLIP with coupled prompts in both towers."""

    prompt_learner: MultiModalPromptLearner
    image_encoder: ImageEncoder

    def text_prompts(self) -> list[torch.Tensor]:
        return [self.prompt_learner.ctx, *self.prompt_learner.compound_prompts_text]

    def encode_images(self, image: torch.Tensor) -> torch.Tensor:
        return self.image_encoder(image, *self.prompt_learner.vision_prompts())


@TRAINER_REGISTRY.register()
class MaPLe(PromptTrainer):
    """MaPLe on a frozen ViT CLIP; saved as ``MultiModalPromptLearner`` under the keys of the whole model."""

    config_node = "MAPLE"
    checkpoint_name = "MultiModalPromptLearner"

    def check_cfg(self, cfg: CfgNode) -> None:
        super().check_cfg(cfg)
        check_context("TRAINER.MAPLE.N_CTX", cfg.TRAINER.MAPLE.N_CTX)

    def make_model(self, classnames: list[str], clip_model: CLIP) -> MultiModalCLIP:
        depth = self.cfg.TRAINER.MAPLE.PROMPT_DEPTH
        check_depth("TRAINER.MAPLE.PROMPT_DEPTH", depth, clip_model, "text")
        check_depth("TRAINER.MAPLE.PROMPT_DEPTH", depth, clip_model, "image")
        return MultiModalCLIP(MultiModalPromptLearner(self.cfg, classnames, clip_model), clip_model)
