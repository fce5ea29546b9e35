"""A CLIP with learnable prompts: what CoOp-like backbones share."""
import torch

from .checkpoints import LearnableState
from .clip_package import CLIP
from .encoders import TextEncoder, image_encoder, normalize
from .prompt_learner import PromptLearner

Version = tuple[torch.Tensor, int, torch.device]
"""A tensor, how often it was changed in place, and where it is."""


class PromptedCLIP(LearnableState):
    """Frozen CLIP towers around a prompt learner; returns logits.

    In evaluation the text features are computed once and kept until a prompt or the class list changes.

    Attributes:
        prompt_learner: module with the classes' prompts.
        tokenized_prompts: int64 tensor (classes, length), the prompt learner's.
        conditional: whether each image has text features of its own.
    """

    conditional = False

    def __init__(self, prompt_learner: PromptLearner, clip_model: CLIP) -> None:
        super().__init__()
        self.prompt_learner = prompt_learner
        self.image_encoder = image_encoder(clip_model)
        self.text_encoder = TextEncoder(clip_model)
        self.logit_scale = clip_model.logit_scale
        self._kept: tuple[list[Version], torch.Tensor] | None = None

    @property
    def tokenized_prompts(self) -> torch.Tensor:
        return self.prompt_learner.tokenized_prompts

    @property
    def dtype(self) -> torch.dtype:
        return self.text_encoder.dtype

    def text_prompts(self) -> list[torch.Tensor]:
        """What is learnt in the text tower: the context, as the prompt learner has it, then the vectors (n, width) that
        take its place before blocks 1, 2, ..."""
        return [self.prompt_learner.ctx]

    def encode_prompts(self) -> torch.Tensor:
        """Un-normalised text features of the prompts, shape (classes, embedding dimension)."""
        return self.text_encoder(self.prompt_learner.prompts(), deep_prompts=self.text_prompts()[1:])

    def encode_images(self, image: torch.Tensor) -> torch.Tensor:
        """Un-normalised image features, shape (batch, embedding dimension)."""
        return self.image_encoder(image)

    def text_features(self) -> torch.Tensor:
        """Normalised fp32 text features, shape (classes, embedding dimension)."""
        if self.prompt_learner.training or torch.is_grad_enabled():
            return normalize(self.encode_prompts().float())
        # An in-place change of a tensor (optimiser step, loading) raises its version, a move to a device does not.
        made_from = [(tensor, tensor._version, tensor.device)
                     for tensor in (self.tokenized_prompts, *self.parameters())]
        if self._kept is None or not _same(self._kept[0], made_from):
            self._kept = made_from, normalize(self.encode_prompts().float())
        return self._kept[1]

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Logits of shape (batch, classes) for images of shape (batch, 3, side, side)."""
        return self.logits(normalize(self.encode_images(image).float()), self.text_features())

    def logits(self, image_features: torch.Tensor, text_features: torch.Tensor) -> torch.Tensor:
        """Scaled cosine similarities of normalised features, shape (batch, classes)."""
        return self.logit_scale.exp() * image_features @ text_features.t()


def _same(one: list[Version], other: list[Version]) -> bool:
    """Whether two lists hold the same tensor objects, unchanged and in the same place."""
    return len(one) == len(other) and all(a[0] is b[0] and a[1:] == b[1:] for a, b in zip(one, other, strict=True))
