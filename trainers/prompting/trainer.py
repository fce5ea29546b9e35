"""Trainer that the backbones share: load and freeze CLIP, one optimiser step per batch, learnable-only checkpoints."""
import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import torch
from dassl.engine import TrainerX
from dassl.metrics import compute_accuracy
from dassl.optim import build_lr_scheduler, build_optimizer
from dassl.utils import load_pretrained_weights
from torch import nn
from torch.nn import functional as F
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from yacs.config import CfgNode

from compat.checkpoint_files import checkpoint_file
from compat.errors import UserError
from compat.further_arguments import leave_out

from .checkpoints import LearnableState, load_learnable
from .checks import check_choice
from .clip_package import CLIP
from .compiling import compile_towers
from .configured_clip import DEFAULTS, configured_clip
from .encoders import AUTOMATIC, TextEncoder
from .kept_features import LARGEST_MB, kept_features
from .model import PromptedCLIP
from .precision import Precision, PrecisionName

_TRAINS: ContextVar[bool] = ContextVar("trains", default=True)


@contextlib.contextmanager
def only_tested() -> Iterator[None]:
    """Trainers that are built inside get no optimizer: the first one imports torch's compiler, 1.2 s of CPU time."""
    token = _TRAINS.set(False)
    try:
        yield
    finally:
        _TRAINS.reset(token)


def extend_cfg(cfg: CfgNode) -> None:
    """Add the keys below TRAIN, TEST and MODEL that all backbones read."""
    if "CLIP" not in cfg.MODEL:
        cfg.MODEL.CLIP = DEFAULTS.clone()
    if "TEXT_MEMORY_MB" not in cfg.TRAIN:
        cfg.TRAIN.TEXT_MEMORY_MB = AUTOMATIC  # of the text tower's graph; more classes are encoded twice; 0: never
    if "FEATURE_CACHE_MB" not in cfg.TEST:
        cfg.TEST.FEATURE_CACHE_MB = LARGEST_MB  # of test-image features kept on disk for later runs; 0: none are kept
    if "COMPILE" not in cfg.MODEL:
        cfg.MODEL.COMPILE = ""  # torch.compile's backend for the frozen towers; "": they are not compiled


class PromptTrainer(TrainerX):
    """Base of CoOp and its relatives: a subclass makes the model, and overrides what else differs.

    Attributes:
        config_node: name of its config node below TRAINER. checkpoint_name: name its checkpoints are saved under.
        class_specific: what it learns of single classes, in words; "" if all that it learns serves any classes.
        model: the CLIP with prompts, on the run's device.
    """

    config_node: str
    checkpoint_name: str
    class_specific = ""
    model: LearnableState

    def make_model(self, classnames: list[str], clip_model: CLIP) -> LearnableState:
        """Module with the prompts, on the CPU."""
        raise NotImplementedError

    def learnable_module(self) -> LearnableState:
        """The part of ``self.model`` that is optimised and saved: all of it."""
        return self.model

    def training_loss(self, image: torch.Tensor, label: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Loss of a batch, and the logits whose accuracy is reported: here the cross-entropy over all classes.

        Args:
            image: (batch, 3, side, side). label: int64 (batch,).

        Returns:
            (scalar loss, logits of shape (batch, classes))
        """
        logits = self.model(image)
        return F.cross_entropy(logits, label), logits

    def epoch_trained(self) -> None:
        """Called after the last step of each epoch."""

    def check_cfg(self, cfg: CfgNode) -> None:
        options = cfg.TRAINER[self.config_node]
        check_choice(f"TRAINER.{self.config_node}.PREC", options.PREC, PrecisionName)
        if options.get("CSC") and not options.get("CTX_INIT"):
            self.class_specific = f"a context of its own for each class (TRAINER.{self.config_node}.CSC)"

    def build_model(self) -> None:
        cfg = self.cfg
        clip_model = configured_clip(cfg)
        self.precision = Precision(cfg.TRAINER[self.config_node].PREC, self.device)
        self.precision.cast_weights(clip_model)
        self.model = self.make_model(self.dm.dataset.classnames, clip_model)
        module = self.learnable_module()
        if cfg.MODEL.INIT_WEIGHTS:
            load_pretrained_weights(module, cfg.MODEL.INIT_WEIGHTS)
        for encoder in self.model.modules():
            if isinstance(encoder, TextEncoder):
                encoder.memory_mb = cfg.TRAIN.get("TEXT_MEMORY_MB", AUTOMATIC)
        self.model.to(self.device)
        compile_towers(self.model, cfg.MODEL.get("COMPILE", ""))
        learnable = [parameter for parameter in module.parameters() if parameter.requires_grad]
        self.register_model(self.checkpoint_name, module, *self.optimizer_and_schedule(learnable))
        self.scaler = self.precision.loss_scaler()
        print(f"{self.checkpoint_name}: {sum(p.numel() for p in learnable):,} learnable parameters")

    def optimizer_and_schedule(self, parameters: list[nn.Parameter]) -> tuple[Optimizer | None, LRScheduler | None]:
        """What trains the parameters; neither for a trainer that is only tested."""
        if not _TRAINS.get():
            return None, None
        self.optim = build_optimizer(parameters, self.cfg.OPTIM)
        self.sched = build_lr_scheduler(self.optim, self.cfg.OPTIM)
        return self.optim, self.sched

    def forward_backward(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """One optimiser step on a batch of ``img`` and ``label``; returns loss and accuracy (per cent) on the device.
        """
        image, label = self.parse_batch_train(batch)
        with self.precision.autocast():
            loss, logits = self.training_loss(image, label)
        if self.scaler is None:
            self.model_backward_and_update(loss)
        else:
            self.detect_anomaly(loss)
            self.optim.zero_grad()
            self.scaler.scale(loss).backward()
            self.scaler.step(self.optim)
            self.scaler.update()
        summary = {"loss": loss.detach(), "acc": compute_accuracy(logits, label)[0]}
        if self.batch_idx + 1 == self.num_batches:
            self.update_lr()
            self.epoch_trained()
        return summary

    def parse_batch_train(self, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """(images, labels) on the run's device."""
        return (batch["img"].to(self.device, non_blocking=True), batch["label"].to(self.device, non_blocking=True))

    def test(self, split: str | None = None, **options: Any) -> float:
        """As of every trainer, with the features of images from disk if the image tower learns nothing."""
        as_usual = (type(self).model_inference is TrainerX.model_inference
                    and type(self).parse_batch_test is TrainerX.parse_batch_test)
        with kept_features(self, self.frozen_image_tower() if as_usual else None, split):
            return super().test(split, **options)

    def frozen_image_tower(self) -> nn.Module | None:
        """The image tower, if it learns nothing and is all that the model makes of images."""
        model: nn.Module = self.model
        return model.image_encoder if type(model) is PromptedCLIP else None

    def load_model(self, directory: str, epoch: int | None = None, **options: Any) -> None:
        """Load the prompts of a run's output folder, and set ``loaded_epoch``.

        Args:
            epoch: as in ``checkpoint_file``. options: see ``leave_out``.
        """
        leave_out(PromptTrainer.load_model, options)
        if not directory:
            raise UserError("no folder to load the model from: give --model-dir")
        path = checkpoint_file(directory, self.checkpoint_name, epoch)
        self.loaded_epoch = load_learnable(self.learnable_module(), path)
        print(f"loaded {path} (epoch {self.loaded_epoch})")
