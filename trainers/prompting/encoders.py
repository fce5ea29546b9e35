"""CLIP's towers for learnable prompts, on an unmodified clip package."""
import torch
from torch import nn

from .tokens import end_of_text


def run_blocks(transformer, x, attention_mask=None):
    """Apply a CLIP transformer block by block.

    The blocks' own forward would use the mask of full context length; walking them admits a cut sequence.

    Args:
        transformer: ``clip.model.Transformer``.
        x: tokens of shape (length, batch, width), CLIP's order.
        attention_mask: additive mask of shape (length, length), or None.

    Returns:
        Tensor of the shape of ``x``.
    """
    for block in transformer.resblocks:
        y = block.ln_1(x)
        x = x + block.attn(y, y, y, need_weights=False, attn_mask=attention_mask)[0]
        x = x + block.mlp(block.ln_2(x))
    return x


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

    def forward(self, prompts, tokenized_prompts):
        """Features of embedded prompts.

        Args:
            prompts: shape (n, length, width), without positional embedding; length up to the context length.
            tokenized_prompts: int tensor of shape (n, length or more); only the end-of-text positions are read.

        Returns:
            Un-normalised text features of shape (n, embedding dimension).
        """
        length = prompts.shape[1]
        x = (prompts + self.positional_embedding[:length]).to(self.dtype)
        mask = torch.full((length, length), float("-inf"), dtype=self.dtype, device=x.device).triu_(1)
        x = run_blocks(self.transformer, x.transpose(0, 1), mask).transpose(0, 1)
        x = x[torch.arange(len(x), device=x.device), end_of_text(tokenized_prompts).to(x.device)]
        # Layer norm works row by row, so only the rows that are read need it.
        return self.ln_final(x).to(self.dtype) @ self.text_projection


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
