"""A trainer that a config describes: it owns data, model and evaluator, keeps checkpoints, and tests."""
import contextlib
import datetime
import functools
import os
import secrets
import sys
import time
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader
from tqdm import tqdm
from yacs.config import CfgNode

from compat.checkpoint_files import BEST
from compat.errors import UserError
from compat.files import remove_temporary_files
from compat.further_arguments import leave_out
from compat.settings import flat_config

from ..data import DataManager, seed_epoch
from ..data.transforms.on_device import NormalizeOnDevice
from ..evaluation import build_evaluator
from ..optim.lr_scheduler import own_schedule
from ..utils.files import mkdir_if_missing
from ..utils.registry import check_availability
from . import finished, train_state
from .base import Batch
from .wandb_writer import WandbWriter


def choose_device(use_gpu: bool) -> torch.device:
    """CUDA if there is one, else MPS, else the CPU."""
    if use_gpu and torch.cuda.is_available():
        return torch.device("cuda")
    if use_gpu and torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.remove(path)


class SimpleTrainer(train_state.Resumable):
    """A trainer built from a config; ready to ``train()`` or ``test()`` once made.

    Attributes:
        cfg, device, output_dir, evaluator: what their names say.
        dm: the data manager, whose loaders, num_classes, num_source_domains and lab2cname the trainer has too.
        optim, sched, scaler: optimizer, schedule and gradient scaler of a trainer that has one of each.
        base_seed: SEED, or a number drawn for this run; the order of the images and their augmentation follow from it.
    """

    train_loader_x: DataLoader[Batch]
    train_loader_u: DataLoader[Batch] | None
    val_loader: DataLoader[Batch] | None
    test_loader: DataLoader[Batch]
    num_classes: int
    num_source_domains: int
    lab2cname: dict[int, str]
    optim: Optimizer
    sched: LRScheduler

    def __init__(self, cfg: CfgNode) -> None:
        super().__init__()
        self.check_cfg(cfg)
        self.cfg = cfg
        self.device = choose_device(cfg.USE_CUDA)
        self.max_epoch: int = cfg.OPTIM.MAX_EPOCH
        self.output_dir: str = cfg.OUTPUT_DIR
        self.base_seed: int = cfg.SEED if cfg.SEED >= 0 else secrets.randbits(62)
        self.as_built = {}
        self.build_data_loader()
        self.build_model()
        if cfg.INPUT.NORMALIZE_ON_DEVICE:  # not all that have this run's transform come through its loaders
            infer = self.model_inference
            vars(self)["model_inference"] = lambda input, *further, **options: infer(
                self._normalized(input), *further, **options)
        self.evaluator = build_evaluator(cfg, lab2cname=self.lab2cname)

    def check_cfg(self, cfg: CfgNode) -> None:
        """Raise an error if the config does not suit the trainer."""

    def build_data_loader(self) -> None:
        """Make the data manager; there is no model yet."""
        self.dm = DataManager(self.cfg)
        self.train_loader_x = self.dm.train_loader_x
        self.train_loader_u = self.dm.train_loader_u
        self.val_loader = self.dm.val_loader
        self.test_loader = self.dm.test_loader
        self.num_classes = self.dm.num_classes
        self.num_source_domains = self.dm.num_source_domains
        self.lab2cname = self.dm.lab2cname

    def build_model(self) -> None:
        """Build ``self.model`` on the device, and register what is trained of it."""
        raise NotImplementedError

    # Going on after a stop

    def begin_train_state(self) -> None:
        if self.cfg.TRAIN.SAVE_STATE:
            train_state.look_at_built(self)

    def save_train_state(self) -> None:
        if self.cfg.TRAIN.SAVE_STATE:
            train_state.write(self)

    def end_train_state(self) -> None:
        """The state goes; a small file says which run the checkpoints are of, so that it can be made longer."""
        if self.cfg.TRAIN.SAVE_STATE:
            best = None if self.best_result == float("-inf") else self.best_result
            facts = finished.Finished(train_state.settings_of(self.cfg), best, self.base_seed)
            finished.write_finished(self.output_dir, facts)
            _remove(train_state.state_path(self))

    def remove_train_state(self) -> None:
        """Delete all of a run that more training would go on from, but for its checkpoints."""
        for path in (train_state.state_path(self), os.path.join(self.output_dir, finished.FILE_NAME)):
            _remove(path)

    def _resume(self) -> None:
        """Go on from this run's own state, else from the checkpoints in RESUME, else from those of this run's end.

        Without TRAIN.SAVE_STATE, all checkpoints in the output folder count, as in Dassl. With it those do not that
        nothing is known of: they may be of another configuration.
        """
        if self.cfg.TRAIN.SAVE_STATE and train_state.restore(self):
            return
        folder = self.cfg.RESUME
        if not folder and (not self.cfg.TRAIN.SAVE_STATE or self._has_finished()):
            folder = self.output_dir
        if folder:
            with contextlib.ExitStack() as stack:
                for schedule in self._scheds.values():
                    stack.enter_context(own_schedule(schedule))
                self.start_epoch = self.resume_model_if_exist(folder)
            if self.start_epoch > self.max_epoch:
                raise UserError(f"the checkpoint in {folder!r} is of epoch {self.start_epoch}, and OPTIM.MAX_EPOCH is "
                                f"{self.max_epoch}: give at least as many epochs, or another folder")

    def _has_finished(self) -> bool:
        """Whether the checkpoints in the output folder are of this run, perhaps of fewer epochs; takes over its facts.
        """
        facts = finished.read_finished(self.output_dir)
        if facts is None:
            return False
        finished.check_same_run(os.path.join(self.output_dir, finished.FILE_NAME), facts.config,
                                train_state.settings_of(self.cfg))
        self.base_seed = facts.base_seed
        if facts.best_result is not None:
            self.best_result = facts.best_result
        return True

    # Training

    def before_train(self) -> None:
        if self._keeps_best() and self.val_loader is None:
            raise UserError(f"TEST.FINAL_MODEL best_val needs validation images, which {self.cfg.DATASET.NAME!r} does "
                            "not have: set it to last_step")
        mkdir_if_missing(self.output_dir)
        remove_temporary_files(self.output_dir)
        self._resume()
        self.init_writer(os.path.join(self.output_dir, "tensorboard"))
        if self.cfg.TRAIN.WANDB:
            self._writers.append(WandbWriter(self.cfg.TRAIN.WANDB, self.output_dir, flat_config(self.cfg)))
        self.time_start = time.time()

    def seed_loaders(self) -> None:
        for loader in (self.train_loader_x, getattr(self, "train_loader_u", None)):
            if loader is not None:
                seed_epoch(loader, self.base_seed, self.epoch)

    def after_epoch(self) -> None:
        if self._keeps_best():
            result = self.test(split="val")
            if result > self.best_result:
                self.best_result = result
                self.save_model(self.epoch, self.output_dir, val_result=result, model_name=BEST)
        last = self.epoch + 1 == self.max_epoch
        frequency = self.cfg.TRAIN.CHECKPOINT_FREQ
        if last or frequency > 0 and (self.epoch + 1) % frequency == 0:
            self.save_model(self.epoch, self.output_dir)

    def after_train(self) -> None:
        # Scripts of the family that collect results from logs wait for one of these lines: Dassl 0.6.3's, and 0.5.0's.
        print("Finish training\nFinished training")
        if not self.cfg.TEST.NO_TEST:
            if self._keeps_best():
                print("testing the model with the best validation result")
                self.load_model(self.output_dir)
            else:
                print("testing the model of the last epoch")
            self.test()
        print(f"elapsed {datetime.timedelta(seconds=round(time.time() - self.time_start))}")
        self.close_writer()
        self.end_train_state()  # here, too, for trainers with a ``train`` of their own

    def _keeps_best(self) -> bool:
        return self.cfg.TEST.FINAL_MODEL == "best_val" and not self.cfg.TEST.NO_TEST

    # Testing

    @torch.no_grad()
    def test(self, split: str | None = None, **options: Any) -> float:
        """Evaluate on "test" or "val" (default TEST.SPLIT; without validation images "val" stands for "test").

        Args:
            options: see ``leave_out``.

        Returns:
            The evaluator's first measure: accuracy in per cent.
        """
        leave_out(SimpleTrainer.test, options)
        split = split or self.cfg.TEST.SPLIT
        check_availability(split, ["test", "val"], what="TEST.SPLIT")
        loader = self.test_loader
        if split == "val" and self.val_loader is not None:
            loader = self.val_loader
        elif split == "val":
            print("there are no validation images: evaluating on test")
            split = "test"
        self.check_finite()
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

    def parse_batch_test(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Images float32 (batch, 3, height, width) and labels int64 (batch,), on the device."""
        return self._on_device(batch["img"]), self._on_device(batch["label"])

    def _on_device(self, tensor: torch.Tensor) -> torch.Tensor:
        return self._normalized(tensor).to(self.device, non_blocking=True)

    @functools.cached_property
    def _normalized(self) -> NormalizeOnDevice:
        return NormalizeOnDevice(self.cfg.INPUT, self.device)
