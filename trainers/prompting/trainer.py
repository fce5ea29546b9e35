"""Trainer that the backbones share: load and freeze CLIP, one optimiser step a batch, learnable-only checkpoints."""
from dassl.engine import TrainerX
from dassl.metrics import compute_accuracy
from dassl.optim import build_lr_scheduler, build_optimizer
from dassl.utils import load_pretrained_weights

from compat.errors import UserError

from .checkpoints import checkpoint_path, load_learnable
from .clip_loading import image_resolution, load_clip
from .precision import Precision, check_precision


def check_input_size(cfg, clip_model):
    """Raise UserError unless INPUT.SIZE is what the image tower takes."""
    side = image_resolution(clip_model)
    if tuple(cfg.INPUT.SIZE) != (side, side):
        raise UserError(
            f"INPUT.SIZE is {tuple(cfg.INPUT.SIZE)}, but CLIP {cfg.MODEL.BACKBONE.NAME!r} takes {side}x{side} images: "
            f"set INPUT.SIZE '({side}, {side})'"
        )


def check_depth(key, depth, least, transformer, tower):
    """Raise UserError unless a prompt depth lies between ``least`` and the number of a tower's layers."""
    layers = len(transformer.resblocks)
    if not least <= depth <= layers:
        raise UserError(f"{key} is {depth}, but this CLIP's {tower} tower has {layers} layers: give {least} to {layers}")


class PromptTrainer(TrainerX):
    """Base of CoOp and its relatives.

    A subclass names its config node and the name its checkpoints are saved under, and says how to make the model,
    which module holds the learnable parameters, and what the training loss is.
    """

    config_node = None
    checkpoint_name = None

    def make_model(self, classnames, clip_model):
        """Module with the prompts, on the CPU."""
        raise NotImplementedError

    def learnable_module(self):
        """The part of ``self.model`` that is optimised and saved."""
        raise NotImplementedError

    def training_loss(self, image, label):
        """(scalar loss, logits whose accuracy is reported) of a batch."""
        raise NotImplementedError

    def check_cfg(self, cfg):
        check_precision(cfg.TRAINER[self.config_node].PREC, f"TRAINER.{self.config_node}.PREC")

    def build_model(self):
        cfg = self.cfg
        clip_model = load_clip(cfg.MODEL.BACKBONE.NAME)
        check_input_size(cfg, clip_model)
        self.precision = Precision(cfg.TRAINER[self.config_node].PREC, self.device)
        self.precision.cast_weights(clip_model)
        self.model = self.make_model(self.dm.dataset.classnames, clip_model)
        module = self.learnable_module()
        if cfg.MODEL.INIT_WEIGHTS:
            load_pretrained_weights(module, cfg.MODEL.INIT_WEIGHTS)
        self.model.to(self.device)
        learnable = [parameter for parameter in module.parameters() if parameter.requires_grad]
        self.optim = build_optimizer(learnable, cfg.OPTIM)
        self.sched = build_lr_scheduler(self.optim, cfg.OPTIM)
        self.register_model(self.checkpoint_name, module, self.optim, self.sched)
        self.scaler = self.precision.loss_scaler()
        print(f"{self.checkpoint_name}: {sum(p.numel() for p in learnable):,} learnable parameters")

    def forward_backward(self, batch):
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
        summary = {"loss": loss.item(), "acc": compute_accuracy(logits, label)[0].item()}
        if self.batch_idx + 1 == self.num_batches:
            self.update_lr()
            self.epoch_trained()
        return summary

    def epoch_trained(self):
        """Called after the last step of each epoch."""

    def parse_batch_train(self, batch):
        return (batch["img"].to(self.device, non_blocking=True), batch["label"].to(self.device, non_blocking=True))

    def load_model(self, directory, epoch=None):
        """Load prompts from a run's output folder; ``epoch`` as in ``checkpoint_path``."""
        if not directory:
            raise UserError("no folder to load the model from: give --model-dir")
        path = checkpoint_path(directory, self.checkpoint_name, epoch)
        epoch = load_learnable(self.learnable_module(), path)
        print(f"loaded {path} (epoch {epoch})")
