"""Trainers that own data, model and evaluator, and run over the batches of one loader (X) or two (XU)."""
import datetime
import itertools
import os
import secrets
import sys
import time

import torch
from tqdm import tqdm

from compat.errors import UserError

from ..data import DataManager, seed_epoch
from ..evaluation import build_evaluator
from ..optim import build_lr_scheduler, build_optimizer
from ..utils.files import mkdir_if_missing, remove_temporary_files
from ..utils.networks import count_num_param, load_pretrained_weights
from ..utils.registry import check_availability
from . import train_state
from .base import TrainerBase
from .progress import EpochProgress
from .simple_net import SimpleNet

__all__ = ["SimpleNet", "SimpleTrainer", "TrainerBase", "TrainerX", "TrainerXU"]


def choose_device(use_gpu):
    """CUDA if there is one, else MPS, else the CPU."""
    if use_gpu and torch.cuda.is_available():
        return torch.device("cuda")
    if use_gpu and torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


class SimpleTrainer(TrainerBase):
    """A trainer built from a config; ready to ``train()`` or ``test()`` once made.

    Attributes:
        cfg, device, output_dir, evaluator.
        dm: the DataManager; also train_loader_x, train_loader_u, val_loader, test_loader, num_classes,
            num_source_domains, lab2cname, which are its.
        base_seed: SEED, or a number drawn for this run, which fixes the order of images and their augmentation.
        data_wait_fraction: share of the last epoch's time spent waiting for data.
    """

    def __init__(self, cfg):
        super().__init__()
        self.check_cfg(cfg)
        self.cfg = cfg
        self.device = choose_device(cfg.USE_CUDA)
        self.max_epoch = cfg.OPTIM.MAX_EPOCH
        self.output_dir = cfg.OUTPUT_DIR
        self.base_seed = cfg.SEED if cfg.SEED >= 0 else secrets.randbits(62)
        self.data_wait_fraction = 0.0
        self.build_data_loader()
        self.build_model()
        self.evaluator = build_evaluator(cfg, lab2cname=self.lab2cname)

    def check_cfg(self, cfg):
        """Raise an error if the config does not suit the trainer."""

    def build_data_loader(self):
        self.dm = DataManager(self.cfg)
        self.train_loader_x = self.dm.train_loader_x
        self.train_loader_u = self.dm.train_loader_u
        self.val_loader = self.dm.val_loader
        self.test_loader = self.dm.test_loader
        self.num_classes = self.dm.num_classes
        self.num_source_domains = self.dm.num_source_domains
        self.lab2cname = self.dm.lab2cname

    def build_model(self):
        """A SimpleNet registered as "model"; most trainers build their own."""
        cfg = self.cfg
        self.model = SimpleNet(cfg, cfg.MODEL, self.num_classes)
        if cfg.MODEL.INIT_WEIGHTS:
            load_pretrained_weights(self.model, cfg.MODEL.INIT_WEIGHTS)
        self.model.to(self.device)
        print(f"{count_num_param(self.model):,} parameters")
        self.optim = build_optimizer(self.model, cfg.OPTIM)
        self.sched = build_lr_scheduler(self.optim, cfg.OPTIM)
        self.register_model("model", self.model, self.optim, self.sched)

    # Going on after a stop

    def extra_state(self):
        """What a trainer keeps between epochs beyond its registered models, in tensors and plain values."""
        return {}

    def load_extra_state(self, state):
        """Take back what ``extra_state`` returned."""

    def save_train_state(self):
        if self.cfg.TRAIN.SAVE_STATE:
            train_state.write(self)

    def remove_train_state(self):
        """Delete the state of the run, once nothing is left to do."""
        path = train_state.state_path(self)
        if os.path.isfile(path):
            os.remove(path)

    def _resume(self):
        """Go on from this run's own state, else from the checkpoints in RESUME.

        Without TRAIN.SAVE_STATE, checkpoints in the output folder count too, as in Dassl. With it they do not: they are
        of a finished run, perhaps of another configuration.
        """
        if self.cfg.TRAIN.SAVE_STATE and train_state.restore(self):
            return
        if self.cfg.RESUME or not self.cfg.TRAIN.SAVE_STATE:
            self.start_epoch = self.resume_model_if_exist(self.cfg.RESUME or self.output_dir)

    # Training

    def train(self):
        super().train(self.start_epoch, self.max_epoch)

    def before_train(self):
        if self.cfg.TEST.FINAL_MODEL == "best_val" and not self.cfg.TEST.NO_TEST and self.val_loader is None:
            raise UserError(f"TEST.FINAL_MODEL best_val needs validation images, which {self.cfg.DATASET.NAME!r} does "
                            "not have: set it to last_step")
        mkdir_if_missing(self.output_dir)
        remove_temporary_files(self.output_dir)
        self._resume()
        self.init_writer(os.path.join(self.output_dir, "tensorboard"))
        self.time_start = time.time()

    def seed_loaders(self):
        for loader in (self.train_loader_x, getattr(self, "train_loader_u", None)):
            if loader is not None:
                seed_epoch(loader, self.base_seed, self.epoch)

    def after_epoch(self):
        cfg = self.cfg
        if cfg.TEST.FINAL_MODEL == "best_val" and not cfg.TEST.NO_TEST:
            result = self.test(split="val")
            if result > self.best_result:
                self.best_result = result
                self.save_model(self.epoch, self.output_dir, val_result=result, model_name="model-best.pth.tar")
        last = self.epoch + 1 == self.max_epoch
        frequency = cfg.TRAIN.CHECKPOINT_FREQ
        if last or frequency > 0 and (self.epoch + 1) % frequency == 0:
            self.save_model(self.epoch, self.output_dir)

    def after_train(self):
        if not self.cfg.TEST.NO_TEST:
            if self.cfg.TEST.FINAL_MODEL == "best_val":
                print("testing the model with the best validation result")
                self.load_model(self.output_dir)
            else:
                print("testing the model of the last epoch")
            self.test()
        print(f"elapsed {datetime.timedelta(seconds=round(time.time() - self.time_start))}")
        self.close_writer()

    # Testing

    @torch.no_grad()
    def test(self, split=None):
        """Evaluate on "test" or "val" (default TEST.SPLIT; without validation images "val" stands for "test").

        Returns:
            The evaluator's first measure: accuracy in per cent.
        """
        split = split or self.cfg.TEST.SPLIT
        check_availability(split, ["test", "val"], what="TEST.SPLIT")
        if split == "val" and self.val_loader is None:
            print("there are no validation images: evaluating on test")
            split = "test"
        loader = self.val_loader if split == "val" else self.test_loader
        self.set_model_mode("eval")
        self.evaluator.reset()
        print(f"evaluating on {split}")
        for batch in tqdm(loader, disable=not sys.stderr.isatty(), leave=False):
            image, label = self.parse_batch_test(batch)
            self.evaluator.process(self.model_inference(image), label)
        results = self.evaluator.evaluate()
        for name, value in results.items():
            self.write_scalar(f"{split}/{name}", value, self.epoch)
        return next(iter(results.values()))

    def parse_batch_test(self, batch):
        """(images, labels) on the device."""
        return self._on_device(batch["img"]), self._on_device(batch["label"])

    def _on_device(self, tensor):
        return tensor.to(self.device, non_blocking=True)


class TrainerX(SimpleTrainer):
    """Trains on labelled images: ``forward_backward`` gets the batches of ``train_loader_x``."""

    def run_epoch(self):
        self.num_batches = len(self.train_loader_x)
        self._run_batches(self.train_loader_x)

    def _run_batches(self, batches):
        """Learn from ``self.num_batches`` batches, with a line every TRAIN.PRINT_FREQ of them."""
        self.set_model_mode("train")
        progress = EpochProgress()
        self.batch_time_meter, self.data_time_meter = progress.batch_time, progress.data_time
        end = time.perf_counter()
        for self.batch_idx, batch in enumerate(batches):
            progress.data_time.update(time.perf_counter() - end)
            lr = self.get_current_lr()
            summary = self._learn(batch)
            progress.batch_time.update(time.perf_counter() - end)
            progress.losses.update(summary)
            done = self.batch_idx + 1
            if done % self.cfg.TRAIN.PRINT_FREQ == 0 or done == self.num_batches:
                print(progress.line(self, lr))
            step = self.epoch * self.num_batches + self.batch_idx
            for name, meter in progress.losses.meters.items():
                self.write_scalar(f"train/{name}", meter.val, step)
            self.write_scalar("train/lr", lr, step)
            end = time.perf_counter()
        self.data_wait_fraction = progress.data_wait_fraction
        self.write_scalar("train/data_wait_fraction", self.data_wait_fraction, self.epoch)

    def _learn(self, batch):
        return self.forward_backward(batch)

    def parse_batch_train(self, batch):
        """(images, labels, domains) on the device."""
        return self._on_device(batch["img"]), self._on_device(batch["label"]), self._on_device(batch["domain"])


class TrainerXU(TrainerX):
    """Trains on labelled and unlabelled images: ``forward_backward(batch_x, batch_u)``.

    An epoch is as long as TRAIN.COUNT_ITER says; a loader that ends earlier starts again.
    """

    def run_epoch(self):
        if self.train_loader_u is None:
            raise UserError(f"{type(self).__name__} needs unlabelled images, and {self.cfg.DATASET.NAME!r} has none: "
                            "choose another trainer or data set")
        lengths = {"train_x": len(self.train_loader_x), "train_u": len(self.train_loader_u)}
        lengths["smaller_one"] = min(lengths.values())
        check_availability(self.cfg.TRAIN.COUNT_ITER, list(lengths), what="TRAIN.COUNT_ITER")
        self.num_batches = lengths[self.cfg.TRAIN.COUNT_ITER]
        pairs = zip(_endless(self.train_loader_x), _endless(self.train_loader_u))
        self._run_batches(itertools.islice(pairs, self.num_batches))

    def _learn(self, batch):
        return self.forward_backward(*batch)

    def parse_batch_train(self, batch_x, batch_u):
        """(labelled images, their labels, unlabelled images) on the device."""
        return self._on_device(batch_x["img"]), self._on_device(batch_x["label"]), self._on_device(batch_u["img"])


def _endless(loader):
    while True:
        yield from loader
