"""CLIP's towers for learnable prompts, on an unmodified clip package."""
import torch
from torch import nn

from compat.errors import UserError

from .tokens import end_of_text


def run_blocks(transformer, x, attention_mask=None, deep_prompts=(), first=0):
    """Apply a CLIP transformer block by block.

    The blocks' own forward would use the mask of full context length, and leaves no room for prompts between blocks;
    walking them admits a cut sequence and deep prompts on an unmodified CLIP.

    Args:
        transformer: ``clip.model.Transformer``.
        x: tokens of shape (length, batch, width), CLIP's order.
        attention_mask: additive mask of shape (length, length), or None.
        deep_prompts: vectors of shape (n, width); the k-th (from 0) overwrites n tokens before block k + 1.
        first: position of the first token that is overwritten; negative counts from the end.

    Returns:
        Tensor of the shape of ``x``.
    """
    for index, block in enumerate(transformer.resblocks):
        if 1 <= index <= len(deep_prompts):
            x = overwrite(x, deep_prompts[index - 1], first)
        y = block.ln_1(x)
        x = x + block.attn(y, y, y, need_weights=False, attn_mask=attention_mask)[0]
        x = x + block.mlp(block.ln_2(x))
    return x


def overwrite(x, vectors, first):
    """``x`` (length, batch, width) with the tokens from position ``first`` replaced by ``vectors`` (n, width)."""
    first = first % len(x)
    vectors = vectors.to(x.dtype).unsqueeze(1).expand(-1, x.shape[1], -1)
    return torch.cat([x[:first], vectors, x[first + len(vectors):]])


class TextEncoder(nn.Module):
    """Text tower that starts from embedded prompts instead of token ids."""

    def __init__(self, clip_model):
        super().__init__()
        self.transformer = clip_model.transformer
        self.positional_embedding = clip_model.positional_embedding
        self.ln_final = clip_model.ln_final
        self.text_projection = clip_model.text_projection

    @property
    def dtype(self):
        return self.text_projection.dtype

    def forward(self, prompts, tokenized_prompts, deep_prompts=()):
        """Features of embedded prompts.

        Args:
            prompts: shape (n, length, width), without positional embedding; length up to the context length.
            tokenized_prompts: int tensor of shape (n, length or more); only the end-of-text positions are read.
            deep_prompts: vectors (n, width) that overwrite positions 1 to n before blocks 1, 2, ...

        Returns:
            Un-normalised text features of shape (n, embedding dimension).
        """
        length = prompts.shape[1]
        x = (prompts + self.positional_embedding[:length]).to(self.dtype)
        mask = torch.full((length, length), float("-inf"), dtype=self.dtype, device=x.device).triu_(1)
        x = run_blocks(self.transformer, x.transpose(0, 1), mask, deep_prompts, first=1).transpose(0, 1)
        x = x[torch.arange(len(x), device=x.device), end_of_text(tokenized_prompts).to(x.device)]
        # Layer norm works row by row, so only the rows that are read need it.
        return self.ln_final(x).to(self.dtype) @ self.text_projection


class ImageEncoder(nn.Module):
    """Image tower (ViT) that takes prompts behind the patches.

    Raises:
        UserError: the CLIP's image tower is a ResNet.
    """

    def __init__(self, clip_model):
        super().__init__()
        visual = clip_model.visual
        if not hasattr(visual, "transformer"):
            raise UserError("MaPLe and PromptSRC put prompts among image patches and need a ViT, but this CLIP's "
                            "image tower is a ResNet: choose a ViT as MODEL.BACKBONE.NAME, for example ViT-B/16")
        self.conv1, self.transformer = visual.conv1, visual.transformer
        self.class_embedding, self.positional_embedding = visual.class_embedding, visual.positional_embedding
        self.ln_pre, self.ln_post, self.proj = visual.ln_pre, visual.ln_post, visual.proj

    def forward(self, image, prompts=None, deep_prompts=()):
        """Features of images.

        Args:
            image: shape (batch, 3, side, side).
            prompts: vectors (n, width) put behind the patches before the first layer norm, or None.
            deep_prompts: vectors (n, width) that overwrite the last n tokens before blocks 1, 2, ...

        Returns:
            Un-normalised image features of shape (batch, embedding dimension).
        """
        patches = self.conv1(image).flatten(2).transpose(1, 2)  # (batch, patches, width)
        batch = len(patches)
        x = torch.cat([self.class_embedding.to(patches.dtype).expand(batch, 1, -1), patches], dim=1)
        x = x + self.positional_embedding.to(x.dtype)
        if prompts is not None:
            x = torch.cat([x, prompts.to(x.dtype).expand(batch, -1, -1)], dim=1)
        x = self.ln_pre(x).transpose(0, 1)  # (tokens, batch, width)
        first = -len(deep_prompts[0]) if len(deep_prompts) else 0
        x = run_blocks(self.transformer, x, deep_prompts=deep_prompts, first=first)
        return self.ln_post(x[0]) @ self.proj


def embed_tokens(clip_model, tokens):
    """Token embeddings of shape (n, length, width) in the embedding table's dtype."""
    with torch.no_grad():
        return clip_model.token_embedding(tokens)


def normalize(features):
    """Features divided by their L2 norm along the last dimension (no epsilon, as in CLIP)."""
    return features / features.norm(dim=-1, keepdim=True)


@torch.no_grad()
def encode_texts(clip_model, tokens, batch_size=512):
    """Normalised text features of plain prompts, shape (n, embedding dimension), computed in batches."""
    encoder = TextEncoder(clip_model)
    device = encoder.text_projection.device
    features = []
    for part in tokens.split(batch_size):
        part = part.to(device)
        features.append(normalize(encoder(embed_tokens(clip_model, part), part)))
    return torch.cat(features)
