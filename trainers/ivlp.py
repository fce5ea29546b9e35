"""IVLP: independent vision-language prompting.

The baseline of Khattak, Rasheed, Maaz, Khan and Khan, "MaPLe: Multi-modal Prompt Learning", CVPR 2023,
https://arxiv.org/abs/2210.03117, section 3, and Rasheed et al., "Fine-tuned CLIP Models are Efficient Video Learners",
CVPR 2023, https://arxiv.org/abs/2212.03640. Prompts in the first layers of both towers, as MaPLe's, but independent of
each other; PromptSRC is the same with three losses more.
"""
from dassl.engine import TRAINER_REGISTRY
from yacs.config import CfgNode

from .prompting.checks import check_independent_prompts
from .prompting.clip_package import CLIP
from .prompting.independent_prompts import IndependentPromptsCLIP
from .prompting.prompt_learner import PromptLearner, initial_context
from .prompting.trainer import PromptTrainer


def extend_cfg(cfg: CfgNode) -> None:
    """Add TRAINER.IVLP to a config."""
    if "IVLP" not in cfg.TRAINER:
        cfg.TRAINER.IVLP = CfgNode({
            "N_CTX_VISION": 2,  # vectors per layer of the image tower
            "N_CTX_TEXT": 2,  # vectors per layer of the text tower
            "CTX_INIT": "a photo of a",  # words to start from; used where N_CTX_TEXT is at most 4
            "PREC": "fp16",  # a PrecisionName
            "PROMPT_DEPTH_VISION": 9,  # layers with prompts; 0: none in the image tower
            "PROMPT_DEPTH_TEXT": 9,  # layers with prompts, at least 1
        })


@TRAINER_REGISTRY.register()
class IVLP(PromptTrainer):
    """IVLP on a frozen ViT CLIP; saved as ``VLPromptLearner`` under the keys of the whole model."""

    config_node = "IVLP"
    checkpoint_name = "VLPromptLearner"

    def make_model(self, classnames: list[str], clip_model: CLIP) -> IndependentPromptsCLIP:
        options = self.cfg.TRAINER.IVLP
        check_independent_prompts("TRAINER.IVLP", options, clip_model)
        words, ctx = initial_context(options.CTX_INIT, options.N_CTX_TEXT, clip_model)
        return IndependentPromptsCLIP(PromptLearner(classnames, clip_model, words, ctx), clip_model,
                                      options.PROMPT_DEPTH_TEXT, options.PROMPT_DEPTH_VISION, options.N_CTX_VISION)
