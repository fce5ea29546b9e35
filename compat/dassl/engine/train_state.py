"""The rolling state of a run: one file from which a stopped run goes on as if it had not been stopped.

It holds what the next epoch depends on: what is learnt of the models (``unchanged``), optimizers, schedules, gradient
scaler, random numbers, the base seed of data loading, and the config, so that a run of another configuration does not
go on from it by mistake. It goes when training has ended (``finished``).
"""
import contextlib
import os
from typing import Any

import torch
from yacs.config import CfgNode

from compat.errors import DamagedFileError, UserError
from compat.settings import WITHOUT_INFLUENCE, flat_config
from compat.state_dicts import state_dict_of
from compat.tensor_files import read_tensors

from ..optim.lr_scheduler import own_schedule
from ..utils.checkpoints import restore_training, save_tensors, shortened
from ..utils.random_states import random_states, set_random_states
from .base import TrainerBase
from .finished import check_same_run
from .unchanged import Digests, frozen_entries, with_unchanged, without_unchanged

FILE_NAME = "train_state.pth.tar"

MISSING = object()
ENTRIES: dict[str, type | tuple[type, ...]] = {
    "config": dict, "epoch": int, "best_result": (int, float), "base_seed": int, "models": dict,
    "scaler": (dict, type(None)), "extra": dict, "random": dict}


class Resumable(TrainerBase):
    """A trainer with all that its next epoch depends on.

    Attributes:
        base_seed: SEED, or a number drawn for the run.
        as_built: digests, by model, of what need not be in the state; empty where it would not be built the same again.
    """

    cfg: CfgNode
    output_dir: str
    device: torch.device
    base_seed: int
    as_built: dict[str, Digests]
    scaler: torch.amp.GradScaler | None = None

    def extra_state(self) -> dict[str, Any]:
        """What a trainer keeps between epochs beyond its registered models, in tensors and plain values."""
        return {}

    def load_extra_state(self, state: dict[str, Any]) -> None:
        """Take back what ``extra_state`` returned."""


def settings_of(cfg: CfgNode) -> dict[str, str]:
    """{"OPTIM.LR": "0.002", ...} of the keys that can change the numbers of a run.

    Keys that end in ``_DIR`` are left out too: where something lies is not what it is.
    """
    return {key: repr(value) for key, value in flat_config(cfg).items()
            if key not in WITHOUT_INFLUENCE and not key.endswith("_DIR")}


def state_path(trainer: Resumable) -> str:
    return os.path.join(trainer.output_dir, FILE_NAME)


def look_at_built(trainer: Resumable) -> None:
    """Set ``as_built`` of a trainer before anything is restored."""
    trainer.as_built = {name: frozen_entries(model) if trainer.cfg.SEED >= 0 else {}
                        for name, model in trainer._models.items()}


def write(trainer: Resumable) -> None:
    """Write the state of a trainer that has finished ``trainer.epoch``; the former file is replaced at the end.

    Raises:
        WriteError: it cannot be written; the former file is kept.
    """
    save_tensors({
        "config": settings_of(trainer.cfg),
        "epoch": trainer.epoch + 1,
        "best_result": trainer.best_result,
        "base_seed": trainer.base_seed,
        "models": {name: _state_of_model(trainer, name) for name in trainer.get_model_names()},
        "scaler": None if trainer.scaler is None else trainer.scaler.state_dict(),
        "extra": trainer.extra_state(),
        "random": random_states(trainer.device),
    }, state_path(trainer))


def _state_of_model(trainer: Resumable, name: str) -> dict[str, Any]:
    checkpoint = trainer._checkpoint_of(name, trainer.epoch)
    learnt, left_out = without_unchanged(checkpoint["state_dict"], trainer.as_built.get(name, {}))
    return {**checkpoint, "state_dict": learnt, "left_out": left_out}


def restore(trainer: Resumable) -> bool:
    """Bring a trainer to its written state and set ``start_epoch``; False if there is no file.

    Raises:
        DamagedFileError: the file is of another configuration (the sentence names keys that differ) or is damaged.
    """
    path = state_path(trainer)
    if not os.path.isfile(path):
        return False
    state = read_tensors(path)
    for key, kind in ENTRIES.items():
        if not isinstance(state, dict) or not isinstance(state.get(key, MISSING), kind):
            raise DamagedFileError(f"{path!r} is not the state of a run ({key} is missing or odd): delete it")
    check_same_run(path, state["config"], settings_of(trainer.cfg))
    if set(state["models"]) != set(trainer.get_model_names()):
        raise DamagedFileError(f"{path!r} holds the models {', '.join(map(str, state['models']))}, this trainer has "
                               f"{', '.join(trainer.get_model_names())}: give another output folder")
    try:
        if not 0 <= state["epoch"] <= trainer.max_epoch:
            raise ValueError(f"epoch {state['epoch']} of {trainer.max_epoch}")
        _put_back(trainer, state, path)
    except UserError:
        raise
    except Exception as error:  # whatever a trainer's own entries and the random states raise
        raise DamagedFileError(f"{path!r} does not fit this run ({type(error).__name__}: {shortened(str(error))}): "
                               "delete it to start anew") from error
    print(f"resuming from epoch {state['epoch']} of {trainer.max_epoch} ({FILE_NAME})")
    return True


def _put_back(trainer: Resumable, state: dict[str, Any], path: str) -> None:
    same_length = state["config"] == settings_of(trainer.cfg)
    for name, checkpoint in state["models"].items():
        model, schedule = trainer._models[name], trainer._scheds[name]
        weights = with_unchanged(state_dict_of(checkpoint, path), checkpoint.get("left_out", {}), model,
                                 trainer.as_built.get(name, {}), path)
        with contextlib.nullcontext() if same_length else own_schedule(schedule):
            restore_training({**checkpoint, "state_dict": weights}, path, model, trainer._optims[name], schedule)
    if state["scaler"] is not None and trainer.scaler is not None:
        trainer.scaler.load_state_dict(state["scaler"])
    trainer.load_extra_state(state["extra"])
    trainer.best_result = state["best_result"]
    trainer.base_seed = state["base_seed"]
    trainer.start_epoch = state["epoch"]
    set_random_states(state["random"])
