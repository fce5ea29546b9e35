"""Stage 2: the text tower, fitted to the caption vectors that the image tower was trained with."""
import random
import time
from collections.abc import Callable, Sequence
from statistics import mean

import clip
import torch
import torch.nn.functional as F
from clip.model import CLIP

from .schedule import learning_rate

# Contexts that prompts come in. "X" stands for a context token that is drawn at random each time: prompt tuning
# starts from such contexts, and moves through them.
TEMPLATES = (
    "{}", "{}.", "a {}.", "the {}.", "a pictogram of a {}.", "a pictogram of the {}.", "an icon of a {}.",
    "an icon of the {}.", "a photo of a {}.", "a photo of the {}.", "a picture of a {}.", "a drawing of a {}.",
    "a sketch of a {}.", "a symbol of a {}.", "an image of a {}.", "art of the {}.", "itap of a {}.",
    "X X {}.", "X X X X {}.", "X X X X X X X X {}.", "X X X X X X X X X X X X X X X X {}.",
)
RANDOM_STD = 0.02  # of random context tokens, as CoOp draws them
SCALE = 20.0


def encode(model: CLIP, tokens: torch.Tensor, random_token: int | None = None,
           generator: torch.Generator | None = None) -> torch.Tensor:
    """Text features of a CLIP model, computed for no more tokens than the longest text has (the mask is causal).

    Args:
        tokens: int (n, context_length).
        random_token: token id whose embeddings are replaced by random vectors; none by default.

    Returns:
        float (n, embed_dim), not normalised.
    """
    end = tokens.argmax(dim=1)
    length = int(end.max()) + 1
    tokens = tokens[:, :length]
    hidden = model.token_embedding(tokens)
    if random_token is not None:
        noise = torch.randn(hidden.shape, generator=generator) * RANDOM_STD
        hidden = torch.where((tokens == random_token).unsqueeze(-1), noise, hidden)
    hidden = (hidden + model.positional_embedding[:length]).transpose(0, 1)  # (length, n, width)
    for block in model.transformer.resblocks:
        normed = block.ln_1(hidden)
        mask = block.attn_mask[:length, :length]
        hidden = hidden + block.attn(normed, normed, normed, need_weights=False, attn_mask=mask)[0]
        hidden = hidden + block.mlp(block.ln_2(hidden))
    hidden = model.ln_final(hidden).transpose(0, 1)
    return hidden[torch.arange(len(tokens)), end] @ model.text_projection


def train(model: CLIP, table: torch.Tensor, texts: Sequence[Sequence[str]], *, steps: int, seed: int,
          batch_size: int = 256, peak: float = 1e-3, log: Callable[[str], None] = print) -> float:
    """Fit the text tower: a caption in any template, in any of its wordings, shall give the caption's vector.

    Args:
        model: its text side is changed in place. table: float32 (captions, embed_dim), unit rows.
        texts: wordings of each caption, its own name first. peak: the highest learning rate.

    Returns:
        mean loss of the last 100 steps: cross-entropy over captions + 5 * (1 - cosine).
    """
    generator = torch.Generator().manual_seed(seed)
    chance = random.Random(seed)
    random_token = int(clip.tokenize("X")[0, 1])
    parameters = [model.token_embedding.weight, model.positional_embedding, model.text_projection,
                  *model.transformer.parameters(), *model.ln_final.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=peak, betas=(0.9, 0.98), weight_decay=0.0)
    started = time.time()
    losses: list[float] = []
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = learning_rate(step, steps, peak, warm_up=50)
        captions = torch.randint(len(texts), (batch_size,), generator=generator)
        template = chance.choice(TEMPLATES)
        wordings = [texts[i][0] if chance.random() < 0.5 else chance.choice(texts[i]) for i in captions.tolist()]
        tokens = clip.tokenize([template.format(wording) for wording in wordings])
        features = F.normalize(encode(model, tokens, random_token, generator), dim=1)
        cosines = features @ table.t()
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
