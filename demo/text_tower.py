"""Stage 3: the text tower, fitted to the caption vectors that the image tower was trained with."""
import math
import random
import time
from collections.abc import Callable, Sequence
from statistics import mean

import clip
import torch
import torch.nn.functional as F
from clip.model import CLIP

from .schedule import learning_rate
from .styles import STYLES, Style, generators, turns

# Contexts that name no style. "X" stands for a context token that is drawn at random each time: prompt tuning starts
# from such contexts, and moves through them.
TEMPLATES = (
    "{}", "{}.", "a {}.", "the {}.", "a pictogram of a {}.", "a pictogram of the {}.", "an icon of a {}.",
    "an icon of the {}.", "a photo of a {}.", "a photo of the {}.", "a picture of a {}.", "a drawing of a {}.",
    "a sketch of a {}.", "a symbol of a {}.", "an image of a {}.", "art of the {}.", "itap of a {}.",
    "X X {}.", "X X X X {}.", "X X X X X X X X {}.", "X X X X X X X X X X X X X X X X {}.",
)
RANDOM_STD = 0.02  # of random context tokens, as CoOp draws them
SCALE = 20.0
KINDS = ("plain", "styled", "blended")  # contexts of a batch, in turn


def embed(model: CLIP, tokens: torch.Tensor, random_token: int | None = None,
          generator: torch.Generator | None = None) -> torch.Tensor:
    """Embeddings of tokens, cut after the longest text (the mask is causal).

    Args:
        tokens: int (n, context_length).
        random_token: token id whose embeddings are replaced by random vectors; none by default.

    Returns:
        float (n, length, width)
    """
    hidden = model.token_embedding(tokens[:, :int(tokens.argmax(dim=1).max()) + 1])
    if random_token is None:
        return hidden
    noise = torch.randn(hidden.shape, generator=generator) * RANDOM_STD
    return torch.where((tokens[:, :hidden.shape[1]] == random_token).unsqueeze(-1), noise, hidden)


def encode(model: CLIP, tokens: torch.Tensor, embeddings: torch.Tensor | None = None) -> torch.Tensor:
    """Text features of a CLIP model.

    Args:
        tokens: int (n, context_length). embeddings: float (n, length, width) in place of those of the tokens.

    Returns:
        float (n, embed_dim), not normalised.
    """
    hidden = embed(model, tokens) if embeddings is None else embeddings
    length = hidden.shape[1]
    hidden = (hidden + model.positional_embedding[:length]).transpose(0, 1)  # (length, n, width)
    for block in model.transformer.resblocks:
        normed = block.ln_1(hidden)
        mask = block.attn_mask[:length, :length]
        hidden = hidden + block.attn(normed, normed, normed, need_weights=False, attn_mask=mask)[0]
        hidden = hidden + block.mlp(block.ln_2(hidden))
    hidden = model.ln_final(hidden).transpose(0, 1)
    return hidden[torch.arange(len(tokens)), tokens.argmax(dim=1)] @ model.text_projection


def train(model: CLIP, table: torch.Tensor, texts: Sequence[Sequence[str]], *, steps: int, seed: int,
          batch_size: int = 256, peak: float = 1e-3, log: Callable[[str], None] = print) -> float:
    """Fit the text tower: a caption in any template, in any of its wordings, shall give the caption's vector.

    A third of the batches has contexts that name no style, a third a style's templates, whose vector is the caption's
    as the style turns it. In the last third, one token of a context that names no style is moved by a random share of
    the way to a style's word, and the vector is turned by the same share: so a learned context finds a path there.

    Args:
        model: its text side is changed in place. table: float32 (captions, embed_dim), unit rows.
        texts: wordings of each caption, its own name first. peak: the highest learning rate.

    Returns:
        mean loss of the last 100 steps: cross-entropy over captions + 5 * (1 - cosine).
    """
    generator = torch.Generator().manual_seed(seed)
    chance = random.Random(seed)
    random_token = int(clip.tokenize("X")[0, 1])
    styles = list(STYLES.values())
    quarter_turns, full_turns = generators(table.shape[1]), turns(table.shape[1])
    tables = {style: table @ turn.t() for style, turn in zip(styles, full_turns, strict=True)}
    parameters = [model.token_embedding.weight, model.positional_embedding, model.text_projection,
                  *model.transformer.parameters(), *model.ln_final.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=peak, betas=(0.9, 0.98), weight_decay=0.0)
    started = time.time()
    losses: list[float] = []
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = learning_rate(step, steps, peak, warm_up=50)
        captions = torch.randint(len(texts), (batch_size,), generator=generator)
        kind, style = KINDS[step % len(KINDS)], chance.choice(styles)
        template = chance.choice(style.templates if kind == "styled" else TEMPLATES)
        wordings = [texts[i][0] if chance.random() < 0.5 else chance.choice(texts[i]) for i in captions.tolist()]
        tokens = clip.tokenize([template.format(wording) for wording in wordings])
        embeddings = embed(model, tokens, random_token, generator)
        target = tables[style] if kind == "styled" else table
        context = len(template.split("{}")[0].split())
        if kind == "blended" and context:
            share, place = chance.random(), chance.randint(1, context)  # 0 is start-of-text
            embeddings = blend(model, embeddings, style, place, share)
            turn = torch.matrix_exp(math.radians(share * style.degrees) * quarter_turns[styles.index(style)])
            target = table @ turn.t()
        features = F.normalize(encode(model, tokens, embeddings), dim=1)
        cosines = features @ target.t()
        loss = F.cross_entropy(SCALE * cosines, captions)
        loss = loss + 5 * (1 - cosines[torch.arange(batch_size), captions]).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        losses.append(loss.item())
        if (step + 1) % 200 == 0 or step + 1 == steps:
            log(f"text tower: step {step + 1}/{steps}  loss {mean(losses[-100:]):.3f}  {time.time() - started:.0f} s")
    return mean(losses[-100:])


def blend(model: CLIP, embeddings: torch.Tensor, style: Style, place: int, share: float) -> torch.Tensor:
    """Move the token at a place by a share of the way to the style's word: float (n, length, width) -> same."""
    word = model.token_embedding.weight[int(clip.tokenize(style.word)[0, 1])]
    blended = embeddings.clone()
    blended[:, place] = torch.lerp(embeddings[:, place], word.expand_as(embeddings[:, place]), share)
    return blended
