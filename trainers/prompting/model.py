"""A CLIP with learnable prompts: what CoOp-like backbones share."""
import torch

from .checkpoints import LearnableState
from .encoders import TextEncoder, normalize


class PromptedCLIP(LearnableState):
    """Frozen CLIP towers around a prompt learner; returns logits.

    In evaluation the text features are computed once and kept until a prompt or the class list changes.

    Attributes:
        prompt_learner: module that returns embedded prompts of shape (classes, length, width).
        tokenized_prompts: int64 tensor (classes, length), the prompt learner's.
    """

    def __init__(self, prompt_learner, clip_model):
        super().__init__()
        self.prompt_learner = prompt_learner
        self.image_encoder = self.make_image_encoder(clip_model)
        self.text_encoder = TextEncoder(clip_model)
        self.logit_scale = clip_model.logit_scale
        self._text_cache = None

    def make_image_encoder(self, clip_model):
        """Module for the image tower: CLIP's own, where images get no prompts."""
        return clip_model.visual

    @property
    def tokenized_prompts(self):
        return self.prompt_learner.tokenized_prompts

    @property
    def dtype(self):
        return self.text_encoder.dtype

    def encode_prompts(self):
        """Un-normalised text features of the prompts, shape (classes, embedding dimension)."""
        return self.text_encoder(self.prompt_learner(), self.tokenized_prompts)

    def encode_images(self, image):
        """Un-normalised image features, shape (batch, embedding dimension)."""
        return self.image_encoder(image.to(self.dtype))

    def text_features(self):
        """Normalised fp32 text features, shape (classes, embedding dimension)."""
        if self.prompt_learner.training or torch.is_grad_enabled():
            return normalize(self.encode_prompts().float())
        # Every in-place change of a parameter (optimiser step, loading) raises its version.
        state = (self.tokenized_prompts, *((p, p._version, p.device) for p in self.parameters()))
        if self._text_cache is None or not _same(self._text_cache[0], state):
            self._text_cache = state, normalize(self.encode_prompts().float())
        return self._text_cache[1]

    def forward(self, image):
        """Logits of shape (batch, classes) for images of shape (batch, 3, side, side)."""
        return self.logits(normalize(self.encode_images(image).float()), self.text_features())

    def logits(self, image_features, text_features):
        """Scaled cosine similarities of normalised features, shape (batch, classes)."""
        return self.logit_scale.exp() * image_features @ text_features.t()


def _same(one, other):
    """Whether two cache states hold the same tensor objects at the same versions."""
    if len(one) != len(other) or one[0] is not other[0]:
        return False
    return all(a[0] is b[0] and a[1:] == b[1:] for a, b in zip(one[1:], other[1:]))
