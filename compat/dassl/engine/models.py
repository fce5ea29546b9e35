"""Models by name, each with its optimizer and its schedule: they are switched, saved and loaded together."""
import os
from collections.abc import Iterable
from typing import Any, Literal

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from compat.checkpoint_files import checkpoint_file, newest_checkpoint
from compat.errors import DamagedFileError
from compat.further_arguments import leave_out

from ..utils.checkpoints import load_checkpoint, load_model_state, resume_from_checkpoint, save_checkpoint, unwrap
from ..utils.registry import check_availability

Names = str | Iterable[str] | None  # of models: one or several; None stands for all that are registered


class NamedModels:
    """What a trainer trains.

    Attributes:
        loaded_epoch: number of finished epochs in the checkpoint that ``load_model`` loaded last; None before, or if
            the checkpoint does not tell it.
    """

    loaded_epoch: int | None = None

    def __init__(self) -> None:
        self._models: dict[str, nn.Module] = {}
        self._optims: dict[str, Optimizer | None] = {}
        self._scheds: dict[str, LRScheduler | None] = {}

    def register_model(self, name: str = "model", model: nn.Module | None = None, optim: Optimizer | None = None,
                       sched: LRScheduler | None = None) -> None:
        """Make a model known by the name that it is saved under; it may have no optimizer and no schedule."""
        if "_models" not in self.__dict__:
            raise AttributeError("register_model was called before TrainerBase.__init__")
        if name in self._models:
            raise ValueError(f"a model is registered as {name!r} already")
        if model is None:
            raise ValueError(f"no model is given to register as {name!r}")
        self._models[name], self._optims[name], self._scheds[name] = model, optim, sched

    def get_model_names(self, names: Names = None) -> list[str]:
        """The names as a list; UnknownNameError if one is not registered."""
        if names is None:
            return list(self._models)
        names = [names] if isinstance(names, str) else list(names)
        for name in names:
            check_availability(name, list(self._models), what="model")
        return names

    def set_model_mode(self, mode: Literal["train", "eval", "test"] = "train", names: Names = None) -> None:
        """Set models to "train", or to "eval" or "test", which are the same."""
        check_availability(mode, ["train", "eval", "test"], what="mode")
        for name in self.get_model_names(names):
            self._models[name].train(mode == "train")

    def _named_optims(self, names: Names = None) -> list[Optimizer]:
        """Those of the named models that have one."""
        return [optim for name in self.get_model_names(names) if (optim := self._optims[name]) is not None]

    def _named_scheds(self, names: Names = None) -> list[LRScheduler]:
        """Those of the named models that have one."""
        return [sched for name in self.get_model_names(names) if (sched := self._scheds[name]) is not None]

    def get_current_lr(self, names: Names = None) -> float:
        """Learning rate of the first parameter group of the first model."""
        return self._named_optims(names)[0].param_groups[0]["lr"]

    # Checkpoints

    def _checkpoint_of(self, name: str, epoch: int, val_result: float | None = None) -> dict[str, Any]:
        """What is saved of a model and its training after the 0-based ``epoch``."""
        optim, sched = self._optims[name], self._scheds[name]
        return {
            "state_dict": unwrap(self._models[name]).state_dict(),
            "epoch": epoch + 1,
            "optimizer": None if optim is None else optim.state_dict(),
            "scheduler": None if sched is None else sched.state_dict(),
            "val_result": val_result,
        }

    def save_model(self, epoch: int, directory: str, is_best: bool = False, val_result: float | None = None,
                   model_name: str = "", **options: Any) -> None:
        """Save all models to ``<directory>/<name>``; see ``save_checkpoint``.

        Args:
            epoch: 0-based; the file's name and contents hold the number of finished epochs, ``epoch + 1``.
            val_result: per cent. model_name: file name instead of ``model.pth.tar-<number>``.
            options: see ``leave_out``.
        """
        leave_out(NamedModels.save_model, options)
        for name in self._models:
            state = self._checkpoint_of(name, epoch, val_result)
            save_checkpoint(state, os.path.join(directory, name), is_best=is_best, remove_module_from_keys=False,
                            model_name=model_name)

    def resume_model_if_exist(self, directory: str) -> int:
        """Restore all models, optimizers and schedules from the newest checkpoints in a run's folder.

        Returns:
            The epoch to start with: 0 if there is no checkpoint.

        Raises:
            DamagedFileError: the models' checkpoints are of different epochs, or do not fit.
        """
        folders = {name: os.path.join(directory, name) for name in self._models}
        if not any(map(newest_checkpoint, folders.values())):
            print(f"no checkpoint in {directory!r}: training starts from scratch")
            return 0
        epochs = {resume_from_checkpoint(folder, self._models[name], self._optims[name], self._scheds[name])
                  for name, folder in folders.items()}
        if len(epochs) > 1:
            raise DamagedFileError(f"the checkpoints in {directory!r} are of different epochs "
                                   f"({', '.join(map(str, sorted(epochs)))}): delete the later ones")
        return epochs.pop()

    def load_model(self, directory: str, epoch: int | None = None, **options: Any) -> None:
        """Load all models from a run's folder, and set ``loaded_epoch``; nothing happens without a folder.

        Args:
            epoch: as in ``checkpoint_file``: None stands for the best by validation if there is one, else the newest.
            options: see ``leave_out``.

        Raises:
            MissingFileError: there is no such checkpoint. DamagedFileError: it does not fit.
        """
        leave_out(NamedModels.load_model, options)
        if not directory:
            print("load_model was given no folder: nothing is loaded")
            return
        for name, model in self._models.items():
            path = checkpoint_file(directory, name, epoch)
            checkpoint = load_checkpoint(path)
            load_model_state(model, checkpoint["state_dict"], path)
            self.loaded_epoch = checkpoint.get("epoch")
            print(f"loaded {name} from {path} (epoch {self.loaded_epoch})")
