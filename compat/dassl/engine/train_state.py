"""The rolling state of a run: one file from which a stopped run goes on as if it had not been stopped.

It holds what the next epoch depends on: models, optimizers, schedules, gradient scaler, random numbers, the base seed
of data loading, and the config, so that a run of another configuration does not go on from it by mistake.
"""
import hashlib
import os
import random

import numpy as np
import torch
from yacs.config import CfgNode

from compat.errors import DamagedFileError
from compat.settings import WITHOUT_INFLUENCE, flat_config

from ..utils.checkpoints import load_checkpoint, load_model_state, load_training_state, model_state, save_tensors

FILE_NAME = "train_state.pth.tar"


def settings_of(cfg: CfgNode) -> dict[str, str]:
    """{"OPTIM.LR": "0.002", ...} of the keys that can change the numbers of a run.

    Keys that end in ``_DIR`` are left out too: where something lies is not what it is.
    """
    return {key: repr(value) for key, value in flat_config(cfg).items()
            if key not in WITHOUT_INFLUENCE and not key.endswith("_DIR")}


def config_fingerprint(flat):
    """sha256 of a flat config, in hexadecimal."""
    return hashlib.sha256("\n".join(f"{key}={flat[key]}" for key in sorted(flat)).encode()).hexdigest()


def state_path(trainer):
    return os.path.join(trainer.output_dir, FILE_NAME)


def write(trainer):
    """Write the state of a trainer that has finished ``trainer.epoch``; the former file is replaced at the end.

    Raises:
        WriteError: it cannot be written; the former file is kept.
    """
    flat = settings_of(trainer.cfg)
    save_tensors({
        "fingerprint": config_fingerprint(flat),
        "config": flat,
        "epoch": trainer.epoch + 1,
        "best_result": trainer.best_result,
        "base_seed": trainer.base_seed,
        "models": {name: _model_entry(trainer, name) for name in trainer.get_model_names()},
        "scaler": None if getattr(trainer, "scaler", None) is None else trainer.scaler.state_dict(),
        "extra": trainer.extra_state(),
        "random": random_states(trainer.device),
    }, state_path(trainer))


def _model_entry(trainer, name):
    optim, sched = trainer._optims[name], trainer._scheds[name]
    return {
        "state_dict": model_state(trainer._models[name]),
        "optimizer": None if optim is None else optim.state_dict(),
        "scheduler": None if sched is None else sched.state_dict(),
    }


def restore(trainer):
    """Bring a trainer to its written state and set ``start_epoch``; False if there is no file.

    Raises:
        DamagedFileError: the file is of another configuration (the sentence names keys that differ) or is damaged.
    """
    path = state_path(trainer)
    if not os.path.isfile(path):
        return False
    state = load_checkpoint(path)
    missing = {"fingerprint", "config", "epoch", "models", "random"} - set(state)
    if missing:
        raise DamagedFileError(f"{path!r} is not the state of a run ({min(missing)} is missing): delete it")
    flat = settings_of(trainer.cfg)
    if config_fingerprint(flat) != state["fingerprint"]:
        raise DamagedFileError(
            f"{path!r} is of a run with another configuration ({_differences(state['config'], flat)}): give another "
            "output folder, or delete the file to start anew")
    if set(state["models"]) != set(trainer.get_model_names()):
        raise DamagedFileError(f"{path!r} holds the models {', '.join(state['models'])}, this trainer has "
                               f"{', '.join(trainer.get_model_names())}: give another output folder")
    for name, entry in state["models"].items():
        load_model_state(trainer._models[name], entry["state_dict"], path)
        load_training_state(entry, trainer._optims[name], trainer._scheds[name], path)
    if state["scaler"] is not None and getattr(trainer, "scaler", None) is not None:
        trainer.scaler.load_state_dict(state["scaler"])
    trainer.load_extra_state(state["extra"])
    trainer.best_result = state["best_result"]
    trainer.base_seed = state["base_seed"]
    trainer.start_epoch = state["epoch"]
    set_random_states(state["random"])
    print(f"resuming from epoch {state['epoch']} of {trainer.max_epoch} ({FILE_NAME})")
    return True


def _differences(there, here, limit=3):
    keys = [key for key in sorted({**there, **here}) if there.get(key) != here.get(key)]
    phrases = [f"{key} is {there.get(key, 'absent')} there and {here.get(key, 'absent')} here" for key in keys[:limit]]
    more = f", {len(keys) - limit} more" if len(keys) > limit else ""
    return "; ".join(phrases) + more


def random_states(device):
    """States of the global random numbers of python, numpy and torch, and of the device if it has its own."""
    numpy_state = np.random.get_state(legacy=False)
    states = {
        "python": random.getstate(),
        "numpy": {**numpy_state, "state": {key: value.tolist() if isinstance(value, np.ndarray) else value
                                           for key, value in numpy_state["state"].items()}},
        "torch": torch.get_rng_state(),
    }
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state_all()
    elif device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def set_random_states(states):
    """Put back what ``random_states`` returned; states of a device that is not there are left out."""
    version, numbers, gauss = states["python"]
    random.setstate((version, tuple(numbers), gauss))
    numpy_state = dict(states["numpy"])
    numpy_state["state"] = {key: np.array(value, dtype=np.uint32) if isinstance(value, list) else value
                            for key, value in numpy_state["state"].items()}
    np.random.set_state(numpy_state)
    torch.set_rng_state(states["torch"])
    if "cuda" in states and torch.cuda.device_count() == len(states["cuda"]):
        torch.cuda.set_rng_state_all(states["cuda"])
    if "mps" in states and torch.backends.mps.is_available():
        torch.mps.set_rng_state(states["mps"])
