"""PromptSRC: self-regulating prompts.

Khattak, Wasim, Naseer, Khan, Yang and Khan, "Self-regulating Prompts: Foundational Model Adaptation without
Forgetting", ICCV 2023, https://arxiv.org/abs/2307.06948.
Unlike MaPLe's, the prompts of the two towers are independent; three losses keep them close to the frozen CLIP, and the
result is a Gaussian average over epochs.
"""
import functools
from typing import Any

import torch
from dassl.engine import TRAINER_REGISTRY
from torch.nn import functional as F
from yacs.config import CfgNode

from compat.errors import UserError
from compat.state_dicts import misfits

from .prompting.checks import check_independent_prompts
from .prompting.clip_package import CLIP
from .prompting.encoders import normalize
from .prompting.gaussian_averaging import GaussianAverage
from .prompting.independent_prompts import IndependentPromptsCLIP
from .prompting.prompt_learner import PromptLearner, initial_context
from .prompting.teacher import mean_text_features
from .prompting.templates import teacher_templates
from .prompting.trainer import PromptTrainer


def extend_cfg(cfg: CfgNode) -> None:
    """Add TRAINER.PROMPTSRC to a config."""
    if "PROMPTSRC" not in cfg.TRAINER:
        cfg.TRAINER.PROMPTSRC = CfgNode({
            "N_CTX_VISION": 4,  # vectors per layer of the image tower
            "N_CTX_TEXT": 4,  # vectors per layer of the text tower
            "CTX_INIT": "a photo of a",  # words to start from; used where N_CTX_TEXT is at most 4
            "PREC": "fp16",  # a PrecisionName
            "PROMPT_DEPTH_VISION": 9,  # layers with prompts; 0: none in the image tower
            "PROMPT_DEPTH_TEXT": 9,  # layers with prompts, at least 1
            "TEXT_LOSS_WEIGHT": 25,
            "IMAGE_LOSS_WEIGHT": 10,
            "GPA_MEAN": 15,  # epoch that the Gaussian average has its centre at
            "GPA_STD": 1,  # in epochs
        })


class VLPromptLearner(PromptLearner):
    """The text tower's first prompts ``ctx`` (n_ctx, width), and the teacher's text features of the classes."""

    def __init__(self, cfg: CfgNode, classnames: list[str], clip_model: CLIP) -> None:
        options = cfg.TRAINER.PROMPTSRC
        words, ctx = initial_context(options.CTX_INIT, options.N_CTX_TEXT, clip_model)
        super().__init__(classnames, clip_model, words, ctx)
        templates = teacher_templates(cfg.DATASET.get("TEMPLATE", ""))
        # A function, so that copies of the module share the CLIP.
        self._encode_for_teacher = lambda: mean_text_features(clip_model.to(self.ctx.device), classnames, templates)

    @functools.cached_property
    def teacher_text_features(self) -> torch.Tensor:
        """Normalised fp32 (classes, embedding dimension), not saved; made when training first needs it."""
        with torch.autocast(self.ctx.device.type, enabled=False):
            return normalize(self._encode_for_teacher()).to(self.ctx.device)


class VisionLanguageCLIP(IndependentPromptsCLIP):
    """CLIP with independent prompts in both towers, and its frozen self as their teacher."""

    prompt_learner: VLPromptLearner

    def __init__(self, prompt_learner: VLPromptLearner, clip_model: CLIP, options: CfgNode) -> None:
        super().__init__(prompt_learner, clip_model, options.PROMPT_DEPTH_TEXT, options.PROMPT_DEPTH_VISION,
                         options.N_CTX_VISION)

    @torch.no_grad()
    def teacher_image_features(self, image: torch.Tensor) -> torch.Tensor:
        """Normalised features of the frozen CLIP, without prompts; shape (batch, embedding dimension)."""
        return normalize(self.image_encoder(image).float())

    def forward(self, image: torch.Tensor, label: torch.Tensor | None = None) -> Any:
        """Logits (batch, classes) in evaluation or without labels.

        In training with labels, as upstream: (cross-entropy, text features, teacher's text features, teacher's image
        features, image features, teacher's logits, logits), all features normalised.
        """
        if not self.prompt_learner.training or label is None:
            return super().forward(image)
        text_features = self.text_features()
        image_features = normalize(self.encode_images(image).float())
        logits = self.logits(image_features, text_features)
        teacher_text = self.prompt_learner.teacher_text_features
        teacher_image = self.teacher_image_features(image)
        return (F.cross_entropy(logits, label), text_features, teacher_text, teacher_image, image_features,
                self.logits(teacher_image, teacher_text), logits)


def consistency_losses(text: torch.Tensor, teacher_text: torch.Tensor, image: torch.Tensor, teacher_image: torch.Tensor,
                       logits: torch.Tensor, teacher_logits: torch.Tensor,
                       ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The three unweighted self-consistency losses (PromptSRC, equations 3 to 5) as scalars.

    Args:
        text, teacher_text: normalised features (classes, dimension). image, teacher_image: (batch, dimension).
        logits, teacher_logits: (batch, classes).

    Returns:
        (mean absolute difference of text features over classes and dimensions, the same of image features over batch
        and dimensions, KL divergence of logits divided by batch times classes)
    """
    kl = F.kl_div(logits.log_softmax(dim=1), teacher_logits.log_softmax(dim=1), reduction="sum", log_target=True)
    return F.l1_loss(text, teacher_text), F.l1_loss(image, teacher_image), kl / logits.numel()


@TRAINER_REGISTRY.register()
class PromptSRC(PromptTrainer):
    """PromptSRC on a frozen ViT CLIP; saved as ``VLPromptLearner`` under the keys of the whole model."""

    config_node = "PROMPTSRC"
    checkpoint_name = "VLPromptLearner"
    model: VisionLanguageCLIP

    def check_cfg(self, cfg: CfgNode) -> None:
        super().check_cfg(cfg)
        options = cfg.TRAINER.PROMPTSRC
        if options.GPA_STD <= 0:
            raise UserError(f"TRAINER.PROMPTSRC.GPA_STD is {options.GPA_STD}: give a positive number of epochs")

    def make_model(self, classnames: list[str], clip_model: CLIP) -> VisionLanguageCLIP:
        options = self.cfg.TRAINER.PROMPTSRC
        check_independent_prompts("TRAINER.PROMPTSRC", options, clip_model)
        return VisionLanguageCLIP(VLPromptLearner(self.cfg, classnames, clip_model), clip_model, options)

    def before_train(self) -> None:
        teacher = self.model.prompt_learner.teacher_text_features
        print(f"PromptSRC: text features of the teacher for {len(teacher)} classes")
        super().before_train()

    def training_loss(self, image: torch.Tensor, label: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        options = self.cfg.TRAINER.PROMPTSRC
        cross_entropy, text, teacher_text, teacher_image, image, teacher_logits, logits = self.model(image, label)
        text_loss, image_loss, logits_loss = consistency_losses(
            text, teacher_text, image, teacher_image, logits, teacher_logits)
        loss = (cross_entropy + options.TEXT_LOSS_WEIGHT * text_loss + options.IMAGE_LOSS_WEIGHT * image_loss
                + logits_loss)
        return loss, logits

    # Gaussian averaging: training goes on from the plain prompts; after the last epoch the average replaces them.

    def build_model(self) -> None:
        super().build_model()
        options = self.cfg.TRAINER.PROMPTSRC
        self.average = GaussianAverage(self.cfg.OPTIM.MAX_EPOCH, options.GPA_MEAN, options.GPA_STD)

    def epoch_trained(self) -> None:
        self.average.add(self.model.state_dict())
        if self.average.complete:
            self.model.load_state_dict(self.average.sum)

    def extra_state(self) -> dict[str, Any]:
        return {"gaussian_average": self.average.state_dict()}

    def load_extra_state(self, state: dict[str, Any]) -> None:
        self.average.load_state_dict(state["gaussian_average"])
        faults = misfits(self.model.state_dict(), self.average.sum) if self.average.added else []
        if faults:
            raise UserError(f"the Gaussian average in the state of this run does not fit it ({faults[0]}): delete the "
                            "state to start anew")
