"""Zero-shot CLIP: hand-written prompts, nothing is trained.

Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021, arXiv 2103.00020.
Templates per data set as in CoOp; works for all, base and new classes (DATASET.SUBSAMPLE_CLASSES).
"""
import torch
from dassl.engine import TRAINER_REGISTRY, TrainerX

from .prompting.clip_loading import load_clip
from .prompting.encoders import encode_texts, normalize
from .prompting.templates import ENSEMBLE_TEMPLATES, dataset_template, fill
from .prompting.tokens import tokenize
from .prompting.trainer import check_input_size


@TRAINER_REGISTRY.register()
class ZeroshotCLIP(TrainerX):
    """CLIP with the data set's own template."""

    def templates(self):
        """Templates whose text features are averaged."""
        return [dataset_template(self.cfg.DATASET.NAME)]

    def build_model(self):
        self.clip_model = load_clip(self.cfg.MODEL.BACKBONE.NAME).to(self.device)
        check_input_size(self.cfg, self.clip_model)
        classnames = self.dm.dataset.classnames
        features = [
            encode_texts(self.clip_model, tokenize(fill(template, classnames), self.clip_model.context_length))
            for template in self.templates()
        ]
        self.text_features = normalize(torch.stack(features).mean(dim=0))  # (classes, embedding dimension)

    def train(self, *_):
        """There is nothing to train: test at once."""
        self.test()

    def load_model(self, *_, **__):
        """There is nothing to load."""

    @torch.no_grad()
    def model_inference(self, image):
        """Logits of shape (batch, classes) for images of shape (batch, 3, side, side)."""
        image_features = normalize(self.clip_model.encode_image(image))
        return self.clip_model.logit_scale.exp() * image_features @ self.text_features.t()


@TRAINER_REGISTRY.register()
class ZeroshotCLIP2(ZeroshotCLIP):
    """CLIP with the mean of the text features of seven templates and, except on ImageNet, the data set's own."""

    def templates(self):
        own = [] if self.cfg.DATASET.NAME == "ImageNet" else [dataset_template(self.cfg.DATASET.NAME)]
        return [*ENSEMBLE_TEMPLATES, *own]
