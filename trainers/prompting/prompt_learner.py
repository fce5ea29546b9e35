"""The frozen tokens of every class's prompt, around context vectors that a backbone learns."""
import torch
from torch import nn

from compat.errors import UserError

from .checkpoints import LearnableState
from .clip_package import CLIP
from .encoders import embed_tokens
from .tokens import name_length, plain_name, tokenize


class PromptLearner(LearnableState):
    """Prompts "WORDS NAME." with the tokens after start-of-text replaced by context vectors.

    Raises UserError if the words have fewer tokens than there are vectors.

    Args:
        classnames: names in label order.
        clip_model: CLIP whose token embeddings are used.
        words: words in front of the name. The context replaces as many of their tokens as it has vectors.
        ctx: context vectors to start from, shape (n_ctx, width) or (classes, n_ctx, width).

    Attributes (upstream's names; MAO narrows the per-class ones to a batch's classes):
        ctx: the learnable context. n_ctx: its number of vectors. n_cls: number of classes.
        token_prefix: start-of-text embedding of each class, shape (classes, 1, width).
        token_suffix: what follows the context (words left over, name, full stop, end-of-text, padding), shape (classes,
            rest, width).
        tokenized_prompts: int64 (classes, 1 + n_ctx + rest). name_lens: number of tokens of each class name.
    """

    token_prefix: torch.Tensor
    token_suffix: torch.Tensor
    tokenized_prompts: torch.Tensor

    def __init__(self, classnames: list[str], clip_model: CLIP, words: str, ctx: torch.Tensor) -> None:
        super().__init__()
        self.n_cls, self.n_ctx = len(classnames), ctx.shape[-2]
        tokens = tokenize([f"{words} {plain_name(name)}." for name in classnames], clip_model.context_length)
        if name_length(words) < self.n_ctx:
            raise UserError(f"the words {words!r} have {name_length(words)} tokens, and {self.n_ctx} context vectors "
                            "would replace the class name, too: give as many words (CTX_INIT), one space between them")
        embedding = embed_tokens(clip_model, tokens)
        self.register_buffer("token_prefix", embedding[:, :1])
        self.register_buffer("token_suffix", embedding[:, 1 + self.n_ctx:])
        self.register_buffer("tokenized_prompts", tokens, persistent=False)
        self.name_lens = [name_length(name) for name in classnames]
        self.ctx = nn.Parameter(ctx)

    def forward(self) -> torch.Tensor:
        """Embedded prompts of shape (classes, length, width)."""
        return self.assemble(self.ctx)

    def assemble(self, ctx: torch.Tensor) -> torch.Tensor:
        """``forward`` with another context, of shape (n_ctx, width) or (classes, n_ctx, width)."""
        ctx = ctx.to(self.token_prefix.dtype)
        if ctx.dim() == 2:
            ctx = ctx.expand(self.n_cls, -1, -1)
        return torch.cat([self.token_prefix, ctx, self.token_suffix], dim=1)


def random_vectors(*shape: int) -> torch.Tensor:
    """Context vectors to start from: normal with standard deviation 0.02, as in CoOp."""
    return torch.empty(shape).normal_(std=0.02)


def embedded_words(words: str, n_ctx: int, clip_model: CLIP) -> torch.Tensor:
    """Embeddings of the first ``n_ctx`` tokens of some words, fp32 (n_ctx, width)."""
    tokens = tokenize([words], clip_model.context_length)
    return embed_tokens(clip_model, tokens)[0, 1:1 + n_ctx].float()


def placeholder_words(n_ctx: int) -> str:
    """Words that stand for a context without words of its own."""
    return " ".join(["X"] * n_ctx)


def initial_context(phrase: str, n_ctx: int, clip_model: CLIP) -> tuple[str, torch.Tensor]:
    """Words and context vectors (n_ctx, width) that MaPLe and PromptSRC start from.

    A phrase counts only for up to four vectors. It stays whole in the prompt, and its first ``n_ctx`` tokens become the
    context: with 2 vectors "a photo of a" leaves "of a NAME." behind them.
    """
    if phrase and n_ctx <= 4:
        words = plain_name(phrase)
        return words, embedded_words(words, n_ctx, clip_model)
    return placeholder_words(n_ctx), random_vectors(n_ctx, clip_model.ln_final.weight.shape[0])
