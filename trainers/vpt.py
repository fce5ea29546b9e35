"""VPT: visual prompt tuning of CLIP.

Jia et al., "Visual Prompt Tuning", ECCV 2022, https://arxiv.org/abs/2203.12119, on CLIP as in MaPLe's repository.
Prompts in the image tower alone; the classes are the fixed features of "a photo of a NAME.", so there is no prompt
learner.
"""
import torch
from dassl.engine import TRAINER_REGISTRY
from yacs.config import CfgNode

from .prompting.checkpoints import LearnableState
from .prompting.checks import check_context, check_depth
from .prompting.clip_package import CLIP
from .prompting.encoders import ImageEncoder, encode_texts, normalize
from .prompting.independent_prompts import add_image_prompts, encode_with_prompts
from .prompting.templates import DEFAULT_TEMPLATE, fill
from .prompting.trainer import PromptTrainer


def extend_cfg(cfg: CfgNode) -> None:
    """Add TRAINER.VPT to a config."""
    if "VPT" not in cfg.TRAINER:
        cfg.TRAINER.VPT = CfgNode({
            "N_CTX_VISION": 2,  # vectors per layer
            "CTX_INIT": "a photo of a",  # never read, as upstream
            "PREC": "fp16",  # a PrecisionName
            "PROMPT_DEPTH_VISION": 1,  # layers with prompts, at least 1
        })


class VisualPromptCLIP(LearnableState):
    """CLIP with prompts in the image tower.

    Args:
        template: hand-written prompt, with {} for the class name. depth, n_ctx: layers with prompts, vectors in each.

    Attributes:
        text_features: un-normalised features of the classes (classes, embedding dimension), not saved.
    """

    text_features: torch.Tensor

    def __init__(self, classnames: list[str], clip_model: CLIP, template: str, depth: int, n_ctx: int) -> None:
        super().__init__()
        self.image_encoder = ImageEncoder(clip_model)
        add_image_prompts(self.image_encoder, depth, n_ctx)
        features = encode_texts(clip_model, fill(template, classnames))
        self.register_buffer("text_features", features, persistent=False)
        self.logit_scale = clip_model.logit_scale

    @property
    def dtype(self) -> torch.dtype:
        return self.image_encoder.proj.dtype

    def encode_images(self, image: torch.Tensor) -> torch.Tensor:
        """Un-normalised image features, shape (batch, embedding dimension)."""
        return encode_with_prompts(self.image_encoder, image)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Logits of shape (batch, classes) for images of shape (batch, 3, side, side)."""
        image_features = normalize(self.encode_images(image).float())
        return self.logit_scale.exp() * image_features @ normalize(self.text_features.float()).t()


@TRAINER_REGISTRY.register()
class VPT(PromptTrainer):
    """VPT on a frozen ViT CLIP; saved as ``prompt_learner`` under the keys of the whole model, as upstream."""

    config_node = "VPT"
    checkpoint_name = "prompt_learner"

    def make_model(self, classnames: list[str], clip_model: CLIP) -> VisualPromptCLIP:
        options = self.cfg.TRAINER.VPT
        check_context("TRAINER.VPT.N_CTX_VISION", options.N_CTX_VISION)
        check_depth("TRAINER.VPT.PROMPT_DEPTH_VISION", options.PROMPT_DEPTH_VISION, clip_model, "image")
        template = self.cfg.DATASET.get("TEMPLATE", "") or DEFAULT_TEMPLATE
        return VisualPromptCLIP(classnames, clip_model, template, options.PROMPT_DEPTH_VISION, options.N_CTX_VISION)
