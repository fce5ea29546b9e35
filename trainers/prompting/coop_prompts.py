"""CoOp's prompts and the config node TRAINER.COOP that describes them; KgCoOp has both, too."""
from typing import Literal

import numpy as np
from yacs.config import CfgNode

from .checks import check_choice, check_context
from .clip_package import CLIP
from .prompt_learner import PromptLearner, context_of_words

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


def check_options(options: CfgNode) -> None:
    """Raise UserError for a value of TRAINER.COOP that CoOp's prompts cannot have."""
    check_choice("TRAINER.COOP.CLASS_TOKEN_POSITION", options.CLASS_TOKEN_POSITION, ClassTokenPosition)
    if not options.CTX_INIT:
        check_context("TRAINER.COOP.N_CTX", options.N_CTX)


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
