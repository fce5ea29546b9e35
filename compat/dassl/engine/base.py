"""What all trainers share: named models with optimizer and schedule, their checkpoints, and the loop over epochs."""
import os
from collections import OrderedDict

import torch

from compat.errors import DamagedFileError, MissingFileError, UserError

from ..utils.checkpoints import (
    load_checkpoint,
    load_model_state,
    model_state,
    newest_checkpoint,
    resume_from_checkpoint,
    save_checkpoint,
)
from ..utils.registry import check_availability
from .writer import ScalarWriter


class NonFiniteLossError(UserError, FloatingPointError):
    """The training loss is infinite or not a number."""


class TrainerBase:
    """Models by name, checkpoints of them, and ``train``, which calls the hooks that subclasses fill.

    Attributes:
        epoch, start_epoch, max_epoch: 0-based; training ends before ``max_epoch``.
        batch_idx, num_batches: place in the epoch, where the trainer runs over batches.
        best_result: best validation result, in per cent.
    """

    def __init__(self):
        self._models = OrderedDict()
        self._optims = OrderedDict()
        self._scheds = OrderedDict()
        self._writer = None
        self.start_epoch = self.epoch = self.max_epoch = 0
        self.batch_idx = self.num_batches = 0
        self.best_result = float("-inf")

    # Models

    def register_model(self, name="model", model=None, optim=None, sched=None):
        """Make a model known by a name: it is saved, loaded and switched between training and evaluation by it."""
        if "_models" not in self.__dict__:
            raise AttributeError("register_model was called before TrainerBase.__init__")
        if name in self._models:
            raise ValueError(f"a model is registered as {name!r} already")
        self._models[name] = model
        self._optims[name] = optim
        self._scheds[name] = sched

    def get_model_names(self, names=None):
        """Registered names; those given, as a list, if they are registered."""
        if names is None:
            return list(self._models)
        names = [names] if isinstance(names, str) else list(names)
        for name in names:
            check_availability(name, list(self._models), what="model")
        return names

    def set_model_mode(self, mode="train", names=None):
        """Set models to "train", or to "eval" or "test", which are the same."""
        check_availability(mode, ["train", "eval", "test"], what="mode")
        for name in self.get_model_names(names):
            self._models[name].train(mode == "train")

    def get_current_lr(self, names=None):
        """Learning rate of the first parameter group of the first model."""
        name = self.get_model_names(names)[0]
        return self._optims[name].param_groups[0]["lr"]

    # Checkpoints

    def save_model(self, epoch, directory, is_best=False, val_result=None, model_name=""):
        """Save all models; see ``save_checkpoint``.

        Args:
            epoch: 0-based; the file's name and contents hold the number of finished epochs, ``epoch + 1``.
        """
        for name in self.get_model_names():
            optim, sched = self._optims[name], self._scheds[name]
            state = {
                "state_dict": model_state(self._models[name]),
                "epoch": epoch + 1,
                "optimizer": optim.state_dict() if optim is not None else None,
                "scheduler": sched.state_dict() if sched is not None else None,
                "val_result": val_result,
            }
            save_checkpoint(state, os.path.join(directory, name), is_best=is_best, remove_module_from_keys=False,
                            model_name=model_name)

    def resume_model_if_exist(self, directory):
        """Restore all models from the newest checkpoints in a run's folder.

        Returns:
            Epoch to start with: 0 if there is no checkpoint.
        """
        names = self.get_model_names()
        if not any(newest_checkpoint(os.path.join(directory, name)) for name in names):
            print(f"no checkpoint in {directory!r}: training starts from scratch")
            return 0
        epochs = {
            resume_from_checkpoint(os.path.join(directory, name), self._models[name], self._optims[name],
                                   self._scheds[name])
            for name in names
        }
        if len(epochs) > 1:
            raise DamagedFileError(f"the checkpoints in {directory!r} are of different epochs "
                                   f"({', '.join(map(str, sorted(epochs)))}): delete the later ones")
        return epochs.pop()

    def load_model(self, directory, epoch=None):
        """Load all models from a run's folder; nothing happens without a folder.

        Args:
            epoch: number in the file's name; None stands for the best by validation if there is one, else the newest.

        Raises:
            MissingFileError: there is no such checkpoint. DamagedFileError: it does not fit.
        """
        if not directory:
            print("load_model was given no folder: nothing is loaded")
            return
        for name in self.get_model_names():
            path = self._checkpoint_path(os.path.join(directory, name), epoch)
            checkpoint = load_checkpoint(path)
            load_model_state(self._models[name], checkpoint["state_dict"], path)
            print(f"loaded {name} from {path} (epoch {checkpoint.get('epoch')})")

    @staticmethod
    def _checkpoint_path(folder, epoch):
        if epoch is not None:
            return os.path.join(folder, f"model.pth.tar-{epoch}")
        best = os.path.join(folder, "model-best.pth.tar")
        path = best if os.path.isfile(best) else newest_checkpoint(folder)
        if path is None:
            raise MissingFileError(f"there is no checkpoint in {folder!r}: give the folder of a finished run")
        return path

    # Training

    def train(self, start_epoch, max_epoch):
        """Run the epochs; ``before_train`` may change ``start_epoch`` and ``max_epoch``."""
        self.start_epoch, self.max_epoch = start_epoch, max_epoch
        self.before_train()
        for self.epoch in range(self.start_epoch, self.max_epoch):
            self.seed_loaders()
            self.before_epoch()
            self.run_epoch()
            self.after_epoch()
            self.save_train_state()
        self.after_train()

    def before_train(self):
        pass

    def seed_loaders(self):
        """Prepare what loads the data for ``self.epoch``."""

    def before_epoch(self):
        pass

    def run_epoch(self):
        raise NotImplementedError

    def after_epoch(self):
        pass

    def save_train_state(self):
        """Keep what is needed to go on after ``self.epoch``."""

    def after_train(self):
        pass

    def test(self, split=None):
        raise NotImplementedError

    def parse_batch_train(self, batch):
        raise NotImplementedError

    def parse_batch_test(self, batch):
        raise NotImplementedError

    def forward_backward(self, batch):
        """Learn from a batch; returns a dict of numbers to report."""
        raise NotImplementedError

    def model_inference(self, input):
        """Logits (batch, classes) of ``self.model``; the registered models may be parts of it."""
        return self.model(input)

    # Optimisation

    def detect_anomaly(self, loss):
        """Raise NonFiniteLossError, which names epoch and step, if a loss is infinite or not a number."""
        if not torch.isfinite(loss).all():
            raise NonFiniteLossError(
                f"the loss is {loss.detach().float().max().item()} in epoch {self.epoch + 1}, step "
                f"{self.batch_idx + 1}: training stops here and the checkpoints saved before are kept; lower OPTIM.LR "
                "or use a wider precision")

    def model_zero_grad(self, names=None):
        for name in self.get_model_names(names):
            if self._optims[name] is not None:
                self._optims[name].zero_grad()

    def model_backward(self, loss):
        self.detect_anomaly(loss)
        loss.backward()

    def model_update(self, names=None):
        for name in self.get_model_names(names):
            if self._optims[name] is not None:
                self._optims[name].step()

    def model_backward_and_update(self, loss, names=None):
        """One step of the optimizers of the named models (default: all)."""
        self.model_zero_grad(names)
        self.model_backward(loss)
        self.model_update(names)

    def update_lr(self, names=None):
        """Step the schedules; call it once an epoch, after its last batch."""
        for name in self.get_model_names(names):
            if self._scheds[name] is not None:
                self._scheds[name].step()

    # Tensorboard

    def init_writer(self, log_dir):
        """Write scalars to tensorboard files in a folder from now on."""
        if self._writer is None:
            self._writer = ScalarWriter(log_dir)

    def close_writer(self):
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def write_scalar(self, tag, scalar_value, global_step=None):
        """Write a number; nothing happens before ``init_writer``."""
        if self._writer is not None:
            self._writer.add(tag, scalar_value, global_step)
