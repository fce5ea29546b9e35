"""MaPLe: multi-modal prompt learning.

Khattak et al., "MaPLe: Multi-modal Prompt Learning", CVPR 2023, arXiv 2210.03117.
Text prompts in the first layers, each projected by a linear layer of its own to a prompt for the image tower.
"""
from dassl.engine import TRAINER_REGISTRY
from torch import nn
from torch.nn import functional as F
from yacs.config import CfgNode

from .prompting.encoders import ImageEncoder
from .prompting.model import PromptedCLIP
from .prompting.prompt_learner import PromptLearner, initial_context, random_vectors
from .prompting.trainer import PromptTrainer, check_depth


def extend_cfg(cfg):
    """Add TRAINER.MAPLE to a config."""
    if "MAPLE" in cfg.TRAINER:
        return
    cfg.TRAINER.MAPLE = CfgNode()
    cfg.TRAINER.MAPLE.N_CTX = 2  # context vectors a layer
    cfg.TRAINER.MAPLE.CTX_INIT = "a photo of a"  # used where N_CTX is at most 4
    cfg.TRAINER.MAPLE.PREC = "fp16"  # fp16, fp32, amp, bf16
    cfg.TRAINER.MAPLE.PROMPT_DEPTH = 9  # layers with prompts, at least 1


class MultiModalPromptLearner(PromptLearner):
    """Text prompts of ``PROMPT_DEPTH`` layers and their projections to the image tower's width.

    Attributes:
        ctx: (n_ctx, text width), the first layer's. proj: its projection.
        compound_prompts_text: depth - 1 parameters (n_ctx, text width). compound_prompt_projections: one linear a layer.
    """

    def __init__(self, cfg, classnames, clip_model):
        options = cfg.TRAINER.MAPLE
        words, ctx = initial_context(options.CTX_INIT, options.N_CTX, clip_model)
        super().__init__(classnames, clip_model, words, options.N_CTX)
        text_width, vision_width = ctx.shape[1], len(clip_model.visual.class_embedding)
        layers = range(options.PROMPT_DEPTH - 1)
        self.ctx = nn.Parameter(ctx)
        self.proj = nn.Linear(text_width, vision_width)
        self.compound_prompts_text = nn.ParameterList(random_vectors(options.N_CTX, text_width) for _ in layers)
        self.compound_prompt_projections = nn.ModuleList(nn.Linear(text_width, vision_width) for _ in layers)
        for projection in self.compound_prompt_projections[1:]:  # all start as the first (upstream copies one layer)
            projection.load_state_dict(self.compound_prompt_projections[0].state_dict())

    def forward(self):
        """Embedded prompts of shape (classes, length, width)."""
        return self.assemble(self.ctx)

    def vision_prompts(self):
        """(first layer's vectors (n_ctx, vision width), list of those of the next layers)."""
        deep = zip(self.compound_prompt_projections, self.compound_prompts_text)
        return self.proj(self.ctx), [projection(prompt) for projection, prompt in deep]


class MultiModalCLIP(PromptedCLIP):
    """CLIP with coupled prompts in both towers."""

    def make_image_encoder(self, clip_model):
        return ImageEncoder(clip_model)

    def encode_prompts(self):
        learner = self.prompt_learner
        return self.text_encoder(learner(), self.tokenized_prompts, learner.compound_prompts_text)

    def encode_images(self, image):
        return self.image_encoder(image.to(self.dtype), *self.prompt_learner.vision_prompts())


@TRAINER_REGISTRY.register()
class MaPLe(PromptTrainer):
    """MaPLe on a frozen ViT CLIP; saved as ``MultiModalPromptLearner`` under the keys of the whole model."""

    config_node = "MAPLE"
    checkpoint_name = "MultiModalPromptLearner"

    def make_model(self, classnames, clip_model):
        image_encoder = ImageEncoder(clip_model)  # refuses a ResNet
        depth = self.cfg.TRAINER.MAPLE.PROMPT_DEPTH
        check_depth("TRAINER.MAPLE.PROMPT_DEPTH", depth, 1, clip_model.transformer, "text")
        check_depth("TRAINER.MAPLE.PROMPT_DEPTH", depth, 1, image_encoder.transformer, "image")
        return MultiModalCLIP(MultiModalPromptLearner(self.cfg, classnames, clip_model), clip_model)

    def learnable_module(self):
        return self.model

    def training_loss(self, image, label):
        logits = self.model(image)
        return F.cross_entropy(logits, label), logits
