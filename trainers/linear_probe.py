"""Linear probe: logistic regression on the frozen image features of CLIP, the field's few-shot baseline.

Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021,
https://arxiv.org/abs/2103.00020, section 3.2 and appendix A.3; as a few-shot baseline in CoOp's paper. Unlike prompts
it knows nothing of the classes' names, so it tells apart the classes that it was trained on and no others.

The features are those that all methods here score, in the joint space of images and texts, and not normalised: what
CLIP's package returns, and its own example and CoOp's baseline fit. Plain views of the images, without augmentation.
"""
import random
from collections.abc import Sequence
from typing import Any

import torch
from dassl.data.data_manager import build_data_loader
from dassl.data.datasets import Datum
from dassl.data.transforms import build_transform
from dassl.engine import TRAINER_REGISTRY
from torch import nn
from yacs.config import CfgNode

from compat.errors import UserError

from .mao.run_data import whole_train_split
from .prompting.checkpoints import LearnableState
from .prompting.clip_package import CLIP
from .prompting.compiling import compile_towers
from .prompting.configured_clip import configured_clip
from .prompting.encoders import image_encoder
from .prompting.kept_features import kept_loader
from .prompting.logistic_regression import Labelled, chosen_fit, fit
from .prompting.trainer import PromptTrainer

MOST_VALIDATION_IMAGES = 4  # of a class, where they are drawn here; few-shot draws of validation images have as many


def extend_cfg(cfg: CfgNode) -> None:
    """Add TRAINER.LINEARPROBE to a config."""
    if "LINEARPROBE" not in cfg.TRAINER:
        cfg.TRAINER.LINEARPROBE = CfgNode({
            "C": 0.0,  # inverse strength of the regularisation; 0: chosen on validation images
        })


class ProbedCLIP(LearnableState):
    """CLIP's frozen image tower, and a linear layer ``classifier`` on its features."""

    def __init__(self, clip_model: CLIP, num_classes: int) -> None:
        super().__init__()
        self.image_encoder = image_encoder(clip_model)
        self.classifier = nn.Linear(clip_model.text_projection.shape[1], num_classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Logits of shape (batch, classes) for images of shape (batch, 3, side, side)."""
        return self.classifier(self.image_encoder(image).float())


@TRAINER_REGISTRY.register()
class LinearProbe(PromptTrainer):
    """Linear probe of a CLIP, in fp32: one epoch, whose one batch is all training images; saved as ``classifier``."""

    config_node = "LINEARPROBE"
    checkpoint_name = "linear_probe"
    class_specific = "a classifier of its classes"
    model: ProbedCLIP

    def check_cfg(self, cfg: CfgNode) -> None:
        if cfg.DATASET.SUBSAMPLE_CLASSES == "new":
            raise UserError("LinearProbe has a classifier of the classes that it is trained on, and no meaning on new "
                            "ones: set DATASET.SUBSAMPLE_CLASSES to base or all, or choose a trainer of prompts")

    def build_model(self) -> None:
        self.max_epoch = 1
        self.model = ProbedCLIP(configured_clip(self.cfg), self.num_classes).to(self.device)
        compile_towers(self.model, self.cfg.MODEL.get("COMPILE", ""))
        self.register_model(self.checkpoint_name, self.model)

    def frozen_image_tower(self) -> nn.Module:
        return self.model.image_encoder

    def get_current_lr(self, names: object = None) -> float:
        """0, for the records: there is no learning rate."""
        return 0.0

    def run_epoch(self) -> None:
        self.batch_idx, self.num_batches = 0, 1
        val = None if self.cfg.TRAINER.LINEARPROBE.C else self.labelled(
            "plain_val_loader", self.images_to_choose_by(), "validation images")
        train = self.labelled("plain_train_loader", self.dm.dataset.train_x, "training images")
        self.forward_backward(train, val)

    def forward_backward(self, *images: Any) -> dict[str, Any]:
        """Fit the classifier to ``Labelled`` training images; validation images, or None, choose C.

        Returns:
            C, and loss and accuracy (per cent) on the training images, for the records.
        """
        train, val = images
        found = fit(train, self.cfg.TRAINER.LINEARPROBE.C) if val is None else chosen_fit(train, val)
        with torch.no_grad():
            self.model.classifier.weight.copy_(found.weight)
            self.model.classifier.bias.copy_(found.bias)
        accuracy, loss = found.score(train)
        return {"loss": loss, "acc": accuracy, "C": found.c}

    @torch.no_grad()
    def labelled(self, name: str, items: Sequence[Datum], what: str) -> Labelled:
        """Features of images in the view of tests; ``name``: attribute that their loader becomes."""
        cfg = self.cfg
        setattr(self, name, build_data_loader(cfg, "SequentialSampler", items, cfg.DATALOADER.TEST.BATCH_SIZE,
                                              tfm=build_transform(cfg, is_train=False), is_train=False))
        features, labels = [], []
        self.set_model_mode("eval")
        with kept_loader(self, self.model.image_encoder, name, what):
            for batch in getattr(self, name):
                image, label = self.parse_batch_test(batch)
                features.append(self.model.image_encoder(image).float().cpu())
                labels.append(label.cpu())
        return Labelled(torch.cat(features), torch.cat(labels))

    def images_to_choose_by(self) -> list[Datum]:
        """Validation images that are no test images; where there are none, training images outside of the draw.

        Raises:
            UserError: there are neither.
        """
        dataset, shots = self.dm.dataset, self.cfg.DATASET.NUM_SHOTS
        tested = {item.impath for item in dataset.test}
        found = [item for item in dataset.val or () if item.impath not in tested]
        if not found and shots > 0:
            drawn = {item.impath for item in dataset.train_x} | tested
            left: dict[int, list[Datum]] = {}
            for item in whole_train_split(self.cfg, dataset.classnames):
                if item.impath not in drawn:
                    left.setdefault(item.label, []).append(item)
            rng, most = random.Random(self.base_seed), min(shots, MOST_VALIDATION_IMAGES)
            found = [item for _, group in sorted(left.items()) for item in rng.sample(group, min(most, len(group)))]
        if not found:
            raise UserError(f"{self.cfg.DATASET.NAME!r} has no validation images to choose the regularisation of "
                            "LinearProbe by, and no training images to spare: give TRAINER.LINEARPROBE.C")
        return found
