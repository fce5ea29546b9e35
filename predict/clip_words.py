"""Words as CLIP's text tower has them: the vocabulary's embeddings, and a template's words layer by layer."""
import torch

from trainers.prompting.clip_package import CLIP
from trainers.prompting.configured_clip import configured_clip
from trainers.prompting.encoders import embed_tokens
from trainers.prompting.templates import DEFAULT_TEMPLATE
from trainers.prompting.tokens import tokenize, tokens_of

from .model import RunModel

Words = tuple[list[int], torch.Tensor]
"""Tokens, and a vector fp32 (tokens, width) of each."""


def words_of_run(model: RunModel) -> tuple[Words, list[Words]]:
    """(the vocabulary, the words of the data set's template in each layer) of a run's CLIP."""
    clip_model = configured_clip(model.cfg)
    template = getattr(model.trainer.dm.dataset, "template", DEFAULT_TEMPLATE)
    return vocabulary(clip_model), template_words(clip_model, template)


def vocabulary(clip_model: CLIP) -> Words:
    """The tokens with their embeddings. Rows of zeros, as the bundled CLIP has for words it never saw, are no words."""
    table = clip_model.token_embedding.weight.float()
    known = table.any(dim=1).nonzero()[:, 0]
    return known.tolist(), table[known]


@torch.no_grad()
def template_words(clip_model: CLIP, template: str) -> list[Words]:
    """A template's words as each layer of the text tower gets them.

    The first layer's are their embeddings. Deeper ones are hidden states, which under the causal mask do not depend on
    what comes behind them: those of the words in front of the class name are the same for all classes.
    """
    before, _, behind = template.partition("{}")
    first = tokens_of(before.strip())
    every = [*first, *tokens_of(behind.strip())]
    layers = [(every, embed_tokens(clip_model, torch.tensor(every, dtype=torch.int64)).float())]
    x = embed_tokens(clip_model, tokenize([before.strip()], clip_model.context_length)[0, :-1])  # with start-of-text
    x = x + clip_model.positional_embedding[:len(x)]
    mask = torch.full((len(x), len(x)), float("-inf")).triu(1)
    for block in clip_model.transformer.resblocks[:-1]:
        y = block.ln_1(x)
        x = x + block.attn(y, y, y, need_weights=False, attn_mask=mask)[0]
        x = x + block.mlp(block.ln_2(x))
        layers.append((first, x[1:].float()))
    return layers
