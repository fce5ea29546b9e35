"""CoOp: context optimisation.

Zhou et al., "Learning to Prompt for Vision-Language Models", IJCV 2022, arXiv 2109.01134.
The words around the class name are replaced by learnable context vectors; everything else of CLIP is frozen.
"""
import torch
from dassl.engine import TRAINER_REGISTRY
from torch import nn
from torch.nn import functional as F
from yacs.config import CfgNode

from compat.errors import UserError

from .prompting.model import PromptedCLIP
from .prompting.prompt_learner import PromptLearner, embedded_words, placeholder_words, random_vectors
from .prompting.tokens import plain_name
from .prompting.trainer import PromptTrainer

CLASS_TOKEN_POSITIONS = ("end", "middle", "front")


def extend_cfg(cfg):
    """Add TRAINER.COOP to a config."""
    if "COOP" in cfg.TRAINER:
        return
    cfg.TRAINER.COOP = CfgNode()
    cfg.TRAINER.COOP.N_CTX = 16  # number of context vectors
    cfg.TRAINER.COOP.CSC = False  # class-specific context
    cfg.TRAINER.COOP.CTX_INIT = ""  # words to start from; if given, N_CTX and CSC are ignored (as in CoOp)
    cfg.TRAINER.COOP.PREC = "fp16"  # fp16, fp32, amp, bf16
    cfg.TRAINER.COOP.CLASS_TOKEN_POSITION = "end"  # end, middle, front


class CoOpPromptLearner(PromptLearner):
    """Context vectors ``ctx``: (n_ctx, width), or (classes, n_ctx, width) with class-specific context (CSC)."""

    def __init__(self, cfg, classnames, clip_model):
        options = cfg.TRAINER.COOP
        if options.CTX_INIT:
            words = plain_name(options.CTX_INIT)
            n_ctx = len(words.split(" "))
            ctx = embedded_words(words, n_ctx, clip_model)
        else:
            words, n_ctx = placeholder_words(options.N_CTX), options.N_CTX
            shape = (len(classnames), n_ctx) if options.CSC else (n_ctx,)
            ctx = random_vectors(*shape, clip_model.ln_final.weight.shape[0])
        super().__init__(classnames, clip_model, words, n_ctx)
        self.class_token_position = options.CLASS_TOKEN_POSITION
        self.ctx = nn.Parameter(ctx)

    def forward(self):
        """Embedded prompts of shape (classes, length, width)."""
        prompts = self.assemble(self.ctx)
        if self.class_token_position == "end":
            return prompts
        order = self._token_order(prompts.shape[1]).to(prompts.device)
        return prompts.gather(1, order.unsqueeze(-1).expand_as(prompts))

    def _token_order(self, length):
        """Where each position takes its token from when the class name stands within or before the context.

        Of the n context vectors the first ``before`` stay in front of the name. Shape (classes, length).
        """
        n = self.n_ctx
        before = {"middle": n // 2, "front": 0}[self.class_token_position]
        position = torch.arange(length).unsqueeze(0)
        name_len = torch.tensor(self.name_lens).unsqueeze(1)
        name_starts, name_ends = 1 + before, 1 + before + name_len
        order = position.expand(len(self.name_lens), -1)
        order = torch.where((position >= name_starts) & (position < name_ends), position + n - before, order)
        return torch.where((position >= name_ends) & (position < 1 + n + name_len), position - name_len, order)


@TRAINER_REGISTRY.register()
class CoOp(PromptTrainer):
    """CoOp on a frozen CLIP; saved and loaded as ``prompt_learner`` with the key ``ctx``."""

    config_node = "COOP"
    checkpoint_name = "prompt_learner"

    def check_cfg(self, cfg):
        super().check_cfg(cfg)
        options = cfg.TRAINER.COOP
        if options.CLASS_TOKEN_POSITION not in CLASS_TOKEN_POSITIONS:
            raise UserError(
                f"TRAINER.COOP.CLASS_TOKEN_POSITION {options.CLASS_TOKEN_POSITION!r} is unknown: "
                f"choose one of {', '.join(CLASS_TOKEN_POSITIONS)}"
            )
        if not options.CTX_INIT and options.N_CTX < 1:
            raise UserError(f"TRAINER.COOP.N_CTX is {options.N_CTX}: give at least 1, or words in CTX_INIT")

    def make_model(self, classnames, clip_model):
        return PromptedCLIP(CoOpPromptLearner(self.cfg, classnames, clip_model), clip_model)

    def learnable_module(self):
        return self.model.prompt_learner

    def training_loss(self, image, label):
        logits = self.model(image)
        return F.cross_entropy(logits, label), logits
