"""A small CLIP that was changed for prompts: its towers take tokens to append, and it wants design_details."""
import torch
from torch import nn


class QuickGELU(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


class Transformer(nn.Module):
    def __init__(self, width, layers, heads, n_prompts):
        super().__init__()
        layer = nn.TransformerEncoderLayer(width, heads, 2 * width, dropout=0.0, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        if n_prompts:
            self.VPT = nn.Parameter(torch.randn(n_prompts, width) * 0.02)

    def forward(self, tokens):
        if hasattr(self, "VPT"):
            tokens = torch.cat([tokens, self.VPT.expand(len(tokens), -1, -1)], dim=1)
        return self.blocks(tokens)


class VisionTransformer(nn.Module):
    def __init__(self, width, embed_dim, n_prompts):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 8, 8)
        self.transformer = Transformer(width, 2, 2, n_prompts)
        self.proj = nn.Parameter(torch.randn(width, embed_dim) * width ** -0.5)

    def forward(self, image):
        patches = self.conv1(image).flatten(2).transpose(1, 2)
        return self.transformer(patches).mean(dim=1) @ self.proj


class CLIP(nn.Module):
    def __init__(self, design_details, width=32, embed_dim=16, context=16, vocabulary=500):
        super().__init__()
        n_vision = design_details["vision_ctx"] if design_details["vision_depth"] else 0
        self.visual = VisionTransformer(width, embed_dim, n_vision)
        self.token_embedding = nn.Embedding(vocabulary, width)
        self.positional_embedding = nn.Parameter(torch.randn(context, width) * 0.01)
        self.transformer = Transformer(width, 2, 2, 0)
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.randn(width, embed_dim) * width ** -0.5)
        self.logit_scale = nn.Parameter(torch.tensor(4.6))

    @property
    def dtype(self):
        return self.visual.conv1.weight.dtype


def build_model(state_dict, design_details):
    model = CLIP(design_details)
    model.load_state_dict(state_dict, strict=False)
    return model.eval()
