"""CoOp: context optimisation.

Zhou, Yang, Loy and Liu, "Learning to Prompt for Vision-Language Models", IJCV 2022, https://arxiv.org/abs/2109.01134.
The words around the class name become learnable context vectors in the text tower's input; unlike MaPLe and PromptSRC
it leaves deeper layers and the image tower as they are.
"""
from typing import Literal

import numpy as np
from dassl.engine import TRAINER_REGISTRY
from yacs.config import CfgNode

from .prompting.checkpoints import LearnableState
from .prompting.checks import check_choice, check_context
from .prompting.clip_package import CLIP
from .prompting.model import PromptedCLIP
from .prompting.prompt_learner import PromptLearner, context_of_words
from .prompting.trainer import PromptTrainer

ClassTokenPosition = Literal["end", "middle", "front"]
"""Where the class name stands: behind the context, in its middle, or before it."""


def extend_cfg(cfg: CfgNode) -> None:
    """Add TRAINER.COOP to a config."""
    if "COOP" not in cfg.TRAINER:
        cfg.TRAINER.COOP = CfgNode({
            "N_CTX": 16,  # number of context vectors
            "CSC": False,  # class-specific context
            "CTX_INIT": "",  # words to start from; if given, N_CTX and CSC are ignored (as in CoOp)
            "PREC": "fp16",  # a PrecisionName
            "CLASS_TOKEN_POSITION": "end",  # a ClassTokenPosition
        })


class CoOpPromptLearner(PromptLearner):
    """Context vectors ``ctx``: (n_ctx, width), or (classes, n_ctx, width) with class-specific context (CSC)."""

    def __init__(self, cfg: CfgNode, classnames: list[str], clip_model: CLIP) -> None:
        options = cfg.TRAINER.COOP
        shape = (len(classnames), options.N_CTX) if options.CSC else (options.N_CTX,)
        words, ctx = context_of_words(options.CTX_INIT, clip_model, *shape)
        super().__init__(classnames, clip_model, words, ctx)
        self.class_token_position: ClassTokenPosition = options.CLASS_TOKEN_POSITION

    def _prompt_rows(self, class_specific: bool) -> np.ndarray:
        rows = super()._prompt_rows(class_specific)
        if self.class_token_position == "end":
            return rows
        return np.take_along_axis(rows, self._token_order(rows.shape[1]), axis=1)

    def _token_order(self, length: int) -> np.ndarray:
        """Where each position takes its token from; int64 (classes, length).

        Example: four context vectors, a name of two tokens, position "middle"::

            position        0     1   2   3   4   5   6   7    8
            assembled    <start>  c1  c2  c3  c4  n1  n2  .  <end>
            part            0     0   0   2   2   1   1   3    3
            order           0     1   2   5   6   3   4   7    8
            result       <start>  c1  c2  n1  n2  c3  c4  .  <end>

        Each token gets the number of the part it belongs to, in the order that is wanted; a stable sort by it moves the
        name.
        """
        before = {"middle": self.n_ctx // 2, "front": 0}[self.class_token_position]  # vectors that stay before the name
        name_end = 1 + self.n_ctx + np.array(self.name_lens)[:, None]
        part = np.where(np.arange(length) < name_end, 1, 3)
        part[:, :1 + self.n_ctx] = 2
        part[:, :1 + before] = 0
        return part.argsort(axis=1, kind="stable")


@TRAINER_REGISTRY.register()
class CoOp(PromptTrainer):
    """CoOp on a frozen CLIP; saved and loaded as ``prompt_learner`` with the key ``ctx``."""

    config_node = "COOP"
    checkpoint_name = "prompt_learner"
    model: PromptedCLIP

    def check_cfg(self, cfg: CfgNode) -> None:
        super().check_cfg(cfg)
        options = cfg.TRAINER.COOP
        check_choice("TRAINER.COOP.CLASS_TOKEN_POSITION", options.CLASS_TOKEN_POSITION, ClassTokenPosition)
        if not options.CTX_INIT:
            check_context("TRAINER.COOP.N_CTX", options.N_CTX)

    def make_model(self, classnames: list[str], clip_model: CLIP) -> PromptedCLIP:
        return PromptedCLIP(CoOpPromptLearner(self.cfg, classnames, clip_model), clip_model)

    def learnable_module(self) -> LearnableState:
        return self.model.prompt_learner
