"""CoOp: context optimisation.

Zhou et al., "Learning to Prompt for Vision-Language Models", IJCV 2022, arXiv 2109.01134.
The words around the class name are replaced by learnable context vectors; everything else of CLIP is frozen.
"""
import torch
from dassl.engine import TRAINER_REGISTRY
from torch import nn
from torch.nn import functional as F
from yacs.config import CfgNode

from .prompting.checkpoints import LearnableState
from .prompting.encoders import embed_tokens
from .prompting.errors import PromptingError
from .prompting.model import PromptedCLIP
from .prompting.tokens import name_length, plain_name, tokenize
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


class PromptLearner(LearnableState):
    """Learnable context vectors between the frozen tokens of each class's prompt.

    Attributes (upstream's names; MAO narrows the per-class ones to a batch's classes):
        ctx: parameter of shape (n_ctx, width), or (classes, n_ctx, width) with class-specific context.
        token_prefix: start-of-text embedding of each class, shape (classes, 1, width).
        token_suffix: what follows the context: name, full stop, end-of-text, padding; (classes, rest, width).
        tokenized_prompts: int64 (classes, 1 + n_ctx + rest). name_lens: tokens of each class name. n_cls, n_ctx.
    """

    def __init__(self, cfg, classnames, clip_model):
        super().__init__()
        options = cfg.TRAINER.COOP
        self.class_token_position = options.CLASS_TOKEN_POSITION
        self.ctx = nn.Parameter(self._initial_context(options, len(classnames), clip_model))
        self.n_cls = len(classnames)
        self.n_ctx = self.ctx.shape[-2]

        prefix = plain_name(options.CTX_INIT) if options.CTX_INIT else " ".join(["X"] * self.n_ctx)
        prompts = [f"{prefix} {plain_name(name)}." for name in classnames]
        tokens = tokenize(prompts, clip_model.context_length)
        embedding = embed_tokens(clip_model, tokens)
        self.register_buffer("token_prefix", embedding[:, :1])
        self.register_buffer("token_suffix", embedding[:, 1 + self.n_ctx:])
        self.register_buffer("tokenized_prompts", tokens, persistent=False)
        self.name_lens = [name_length(name) for name in classnames]

    @staticmethod
    def _initial_context(options, n_cls, clip_model):
        width = clip_model.ln_final.weight.shape[0]
        if options.CTX_INIT:
            phrase = plain_name(options.CTX_INIT)
            words = len(phrase.split(" "))
            embedding = embed_tokens(clip_model, tokenize([phrase], clip_model.context_length))
            return embedding[0, 1:1 + words].float()
        shape = (n_cls, options.N_CTX, width) if options.CSC else (options.N_CTX, width)
        return torch.empty(shape).normal_(std=0.02)

    def forward(self):
        """Embedded prompts of shape (classes, length, width)."""
        ctx = self.ctx.to(self.token_prefix.dtype)
        if ctx.dim() == 2:
            ctx = ctx.expand(self.n_cls, -1, -1)
        prompts = torch.cat([self.token_prefix, ctx, self.token_suffix], dim=1)
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
            raise PromptingError(
                f"TRAINER.COOP.CLASS_TOKEN_POSITION {options.CLASS_TOKEN_POSITION!r} is unknown: "
                f"choose one of {', '.join(CLASS_TOKEN_POSITIONS)}"
            )
        if not options.CTX_INIT and options.N_CTX < 1:
            raise PromptingError(f"TRAINER.COOP.N_CTX is {options.N_CTX}: give at least 1, or words in CTX_INIT")

    def make_model(self, classnames, clip_model):
        return PromptedCLIP(PromptLearner(self.cfg, classnames, clip_model), clip_model)

    def learnable_module(self):
        return self.model.prompt_learner

    def training_loss(self, image, label):
        logits = self.model(image)
        return F.cross_entropy(logits, label), logits
