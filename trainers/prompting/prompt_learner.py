"""The frozen tokens of every class's prompt, around context vectors that a backbone learns."""
import numpy as np
import torch
from torch import nn

from compat.errors import UserError

from .checkpoints import LearnableState
from .clip_package import CLIP
from .encoders import embed_tokens
from .packing import Prompts
from .tokens import name_length, plain_name, tokenize, up_to_end


class PromptLearner(LearnableState):
    """Prompts "WORDS NAME." with the tokens after start-of-text replaced by context vectors.

    Raises UserError if the words have fewer tokens than there are vectors.

    Args:
        classnames: names in label order.
        clip_model: CLIP whose token embeddings are used.
        words: words in front of the name. The context replaces as many of their tokens as it has vectors.
        ctx: context vectors to start from, shape (n_ctx, width) or (classes, n_ctx, width).

    Attributes (upstream's names; MAO narrows the per-class ones to a batch's classes):
        ctx: the learnable context. n_ctx: its number of vectors. n_cls: number of classes. classnames: their names.
        token_prefix: start-of-text embedding of each class, shape (classes, 1, width).
        token_suffix: what follows the context (words left over, name, full stop, end-of-text, padding), shape (classes,
            rest, width).
        tokenized_prompts: int64 (classes, 1 + n_ctx + rest). name_lens: number of tokens of each class name.
        vocabulary: embeddings of the distinct tokens in all prompts, shape (tokens, width).
    """

    token_prefix: torch.Tensor
    tokenized_prompts: torch.Tensor
    vocabulary: torch.Tensor

    def __init__(self, classnames: list[str], clip_model: CLIP, words: str, ctx: torch.Tensor) -> None:
        super().__init__()
        self.n_cls, self.n_ctx = len(classnames), ctx.shape[-2]
        tokens = tokenize([f"{words} {plain_name(name)}." for name in classnames], clip_model.context_length)
        if name_length(words) < self.n_ctx:
            raise UserError(f"the words {words!r} have {name_length(words)} tokens, and {self.n_ctx} context vectors "
                            "would replace the class name, too: give as many words (CTX_INIT), one space between them")
        distinct, rows = np.unique(tokens.numpy(), return_inverse=True)
        self.register_buffer("vocabulary", embed_tokens(clip_model, torch.from_numpy(distinct)))
        self.register_buffer("token_prefix", self.vocabulary[rows.flat[0]].expand(self.n_cls, 1, -1))
        self.register_buffer("tokenized_prompts", tokens, persistent=False)
        self.classnames = list(classnames)
        self.name_lens = [name_length(name) for name in classnames]
        self.ctx = nn.Parameter(ctx)
        self._rows_of_name = dict(zip(classnames, up_to_end(rows.reshape(tokens.shape), tokens), strict=True))
        self._rows: tuple[list[str], int, np.ndarray] | None = None

    @property
    def token_suffix(self) -> torch.Tensor:
        """See the class. The embeddings themselves are not kept: of 21,000 classes they would be 600 MB."""
        return Prompts(self.vocabulary, self._token_rows()).embedded()[:, 1 + self.n_ctx:]

    def forward(self) -> torch.Tensor:
        """Embedded prompts of shape (classes, length, width)."""
        return self.prompts().embedded()

    def assemble(self, ctx: torch.Tensor) -> torch.Tensor:
        """``forward`` with another context, of shape (n_ctx, width) or (classes, n_ctx, width)."""
        return self.prompts(ctx).embedded()

    def prompts(self, ctx: torch.Tensor | None = None) -> Prompts:
        """The classes' prompts over a table of the vocabulary and the context; ``ctx`` as in ``assemble``."""
        ctx = self.ctx if ctx is None else ctx
        vectors = torch.cat([self.vocabulary, ctx.to(self.vocabulary.dtype).flatten(0, -2)])
        if self._rows is None or self._rows[0] is not self.classnames or self._rows[1] != ctx.dim():
            self._rows = self.classnames, ctx.dim(), self._prompt_rows(class_specific=ctx.dim() == 3)
        return Prompts(vectors, self._rows[2])

    def _token_rows(self) -> np.ndarray:
        """The vocabulary's rows that the words and names are, without context; int64 (classes, length)."""
        return np.stack([self._rows_of_name[name] for name in self.classnames])

    def _prompt_rows(self, class_specific: bool) -> np.ndarray:
        """``rows`` of ``Prompts``: the context's stand behind the vocabulary, class by class where it is specific."""
        rows = self._token_rows()
        first = np.arange(len(rows))[:, None] * self.n_ctx if class_specific else 0
        rows[:, 1:1 + self.n_ctx] = len(self.vocabulary) + first + np.arange(self.n_ctx)
        return rows


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


def initial_words(phrase: str | bool) -> str:
    """The words of a CTX_INIT that is not empty; True, in forks where it is a switch, stands for the usual ones."""
    return "a photo of a" if phrase is True else plain_name(str(phrase))


def context_of_words(phrase: str | bool, clip_model: CLIP, *shape: int) -> tuple[str, torch.Tensor]:
    """Words and context vectors (*shape, width) that CoOp and CoCoOp start from, where ``shape`` ends in their number.

    A phrase counts whatever its length, and brings a shape of its own: one shared vector for each of its words.
    """
    if phrase:
        words = initial_words(phrase)
        return words, embedded_words(words, len(words.split(" ")), clip_model)
    return placeholder_words(shape[-1]), random_vectors(*shape, clip_model.ln_final.weight.shape[0])


def initial_context(phrase: str | bool, n_ctx: int, clip_model: CLIP) -> tuple[str, torch.Tensor]:
    """Words and context vectors (n_ctx, width) that MaPLe, IVLP and PromptSRC start from.

    A phrase counts only for up to four vectors. It stays whole in the prompt, and its first ``n_ctx`` tokens become the
    context: with 2 vectors "a photo of a" leaves "of a NAME." behind them.
    """
    if phrase and n_ctx <= 4:
        words = initial_words(phrase)
        return words, embedded_words(words, n_ctx, clip_model)
    return placeholder_words(n_ctx), random_vectors(n_ctx, clip_model.ln_final.weight.shape[0])
