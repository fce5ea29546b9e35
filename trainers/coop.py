"""CoOp: context optimisation.

Zhou, Yang, Loy and Liu, "Learning to Prompt for Vision-Language Models", IJCV 2022, https://arxiv.org/abs/2109.01134.
The words around the class name become learnable context vectors in the text tower's input; unlike MaPLe and PromptSRC
it leaves deeper layers and the image tower as they are.
"""
from dassl.engine import TRAINER_REGISTRY
from yacs.config import CfgNode

from .prompting.checkpoints import LearnableState
from .prompting.clip_package import CLIP
from .prompting.coop_prompts import CoOpPromptLearner, check_options, extend_cfg
from .prompting.model import PromptedCLIP
from .prompting.trainer import PromptTrainer

__all__ = ["CoOp", "CoOpPromptLearner", "extend_cfg"]


@TRAINER_REGISTRY.register()
class CoOp(PromptTrainer):
    """CoOp on a frozen CLIP; saved and loaded as ``prompt_learner`` with the key ``ctx``."""

    config_node = "COOP"
    checkpoint_name = "prompt_learner"
    model: PromptedCLIP

    def check_cfg(self, cfg: CfgNode) -> None:
        super().check_cfg(cfg)
        check_options(cfg.TRAINER.COOP)

    def make_model(self, classnames: list[str], clip_model: CLIP) -> PromptedCLIP:
        return PromptedCLIP(CoOpPromptLearner(self.cfg, classnames, clip_model), clip_model)

    def learnable_module(self) -> LearnableState:
        return self.model.prompt_learner
