"""Zero-shot CLIP: hand-written prompts, nothing is trained.

Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021,
https://arxiv.org/abs/2103.00020. Templates per data set as in CoOp.
"""
from typing import Any

import torch
from dassl.engine import TRAINER_REGISTRY, TrainerX

from .prompting.configured_clip import configured_clip
from .prompting.encoders import encode_texts, image_encoder, normalize
from .prompting.kept_features import kept_features
from .prompting.templates import DEFAULT_TEMPLATE, ENSEMBLE_TEMPLATES, fill


@TRAINER_REGISTRY.register()
class ZeroshotCLIP(TrainerX):
    """CLIP with the data set's own template.

    Attributes:
        text_features: normalised, shape (classes, embedding dimension).
    """

    def templates(self) -> list[str]:
        """Templates whose text features are averaged."""
        return [getattr(self.dm.dataset, "template", DEFAULT_TEMPLATE)]

    def build_model(self) -> None:
        self.clip_model = configured_clip(self.cfg).to(self.device)
        self.image_encoder = image_encoder(self.clip_model)
        classnames = self.dm.dataset.classnames
        features = [normalize(encode_texts(self.clip_model, fill(template, classnames)))
                    for template in self.templates()]
        self.text_features = normalize(torch.stack(features).mean(dim=0))

    def train(self, *_: Any) -> None:
        """There is nothing to train: test at once."""
        self.test()

    def load_model(self, *_: Any, **__: Any) -> None:
        """There is nothing to load."""

    def test(self, split: str | None = None, **options: Any) -> float:
        """As of every trainer, with the features of images from disk."""
        as_usual = (type(self).model_inference is ZeroshotCLIP.model_inference
                    and type(self).parse_batch_test is TrainerX.parse_batch_test)
        with kept_features(self, self.image_encoder if as_usual else None, split):
            return super().test(split, **options)

    @torch.no_grad()
    def model_inference(self, image: torch.Tensor) -> torch.Tensor:
        """Logits of shape (batch, classes) for images of shape (batch, 3, side, side)."""
        image_features = normalize(self.image_encoder(image))
        return self.clip_model.logit_scale.exp() * image_features @ self.text_features.t()


@TRAINER_REGISTRY.register()
class ZeroshotCLIP2(ZeroshotCLIP):
    """CLIP with the mean of the text features of seven templates and, except on ImageNet, the data set's own."""

    def templates(self) -> list[str]:
        own = [] if self.cfg.DATASET.NAME == "ImageNet" else super().templates()
        return [*ENSEMBLE_TEMPLATES, *own]
