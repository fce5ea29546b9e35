"""Checkpoint files in Dassl's layout: write them atomically, read them without running code, resume from them.

A checkpoint is a dict with the keys state_dict, epoch, optimizer, scheduler, val_result;
``compat.checkpoint_files`` says which file it lies in.
"""
import io
import os
from collections.abc import Container
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from compat.checkpoint_files import BEST, MARKER, newest_checkpoint, numbered
from compat.errors import DamagedFileError, MissingFileError
from compat.files import atomic_write, write_file

from .legacy_checkpoints import is_torchscript, load_restricted
from .plain import to_plain


def unwrap(model: nn.Module) -> nn.Module:
    """The model inside DataParallel or DistributedDataParallel, else the model itself."""
    return model.module if isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)) else model


def load_model_state(model: nn.Module, state: dict[str, Any], path: str) -> None:
    """Put a saved state dict into a model; all of it has to fit.

    Raises:
        DamagedFileError: it does not fit; the sentence names ``path`` and the first differences.
    """
    model = unwrap(model)
    try:
        model.load_state_dict(without_module_prefix(state, model.state_dict()))
    except RuntimeError as error:
        raise DamagedFileError(
            f"checkpoint {path!r} does not fit the model: {_first_differences(error)}; use the configuration it was "
            "saved with"
        ) from error


def _first_differences(error: RuntimeError, limit: int = 300) -> str:
    text = " ".join(str(error).split()).split(": ", 1)[-1].rstrip(". ")
    return text if len(text) <= limit else text[:limit] + " ..."


def without_module_prefix(state: dict[str, Any], expected: Container[str]) -> dict[str, Any]:
    """A state dict with DataParallel's ``module.`` taken off the keys that ``expected`` knows only without it."""
    def name(key: str) -> str:
        bare = key.removeprefix("module.")
        return bare if key not in expected and bare in expected else key

    return {name(key): value for key, value in state.items()}


def save_tensors(obj: object, path: str) -> None:
    """Write an object of tensors and plain values by torch.save, atomically.

    Raises:
        WriteError: the file cannot be written; a file that was there is kept.
    """
    buffer = io.BytesIO()  # torch's own file writer aborts the process when the disk is full
    torch.save(to_plain(obj), buffer)
    with atomic_write(path) as file:
        file.write(buffer.getbuffer())


def save_checkpoint(state: dict[str, Any], save_dir: str, is_best: bool = False, remove_module_from_keys: bool = True,
                    model_name: str = "") -> None:
    """Write a checkpoint.

    Args:
        state: dict with the keys named at the top of this file; ``epoch`` is 1-based.
        is_best: also write it as ``model-best.pth.tar``.
        remove_module_from_keys: take DataParallel's ``module.`` off the keys of the state dict if all have it.
        model_name: file name; default ``model.pth.tar-<epoch>``, which the file ``checkpoint`` then names.
    """
    weights = state["state_dict"]
    if remove_module_from_keys and weights and all(key.startswith("module.") for key in weights):
        state = {**state, "state_dict": {key.removeprefix("module."): value for key, value in weights.items()}}
    name = model_name or numbered(state["epoch"])
    path = os.path.join(save_dir, name)
    save_tensors(state, path)
    if is_best:
        save_tensors(state, os.path.join(save_dir, BEST))
    if not model_name:
        write_file(os.path.join(save_dir, MARKER), name + "\n")
    print(f"checkpoint saved to {path}")


def load_checkpoint(fpath: str) -> dict[str, Any]:
    """The dict in a checkpoint file, tensors on the CPU.

    Files of the original Dassl, which hold scheduler objects, are read through an allow-list; the objects come back as
    plain dicts of their state.

    Raises:
        MissingFileError: there is no such file.
        DamagedFileError: it is no checkpoint, is damaged, or refers to anything that is not on the allow-list.
    """
    if not fpath or not os.path.isfile(fpath):
        raise MissingFileError(f"there is no checkpoint {fpath!r}: give the folder and epoch of a finished run")
    if is_torchscript(fpath):
        raise DamagedFileError(f"{fpath!r} is a TorchScript archive, not a checkpoint: give a model.pth.tar file")
    try:
        return torch.load(fpath, map_location="cpu", weights_only=True)
    except Exception:  # whatever it is, the slower reader below finds it out and says it
        return load_restricted(fpath)


def resume_from_checkpoint(fdir: str, model: nn.Module, optimizer: Optimizer | None = None,
                           scheduler: LRScheduler | None = None) -> int:
    """Restore a model, its optimizer and its schedule from the newest checkpoint of a folder.

    Returns:
        Number of epochs that were finished, which is the 0-based epoch to go on with.

    Raises:
        MissingFileError: there is none. DamagedFileError: it does not fit.
    """
    path = newest_checkpoint(fdir)
    if path is None:
        raise MissingFileError(f"there is no checkpoint in {fdir!r} to resume from")
    checkpoint = load_checkpoint(path)
    restore_training(checkpoint, path, model, optimizer, scheduler)
    print(f"resumed from {path} (epoch {checkpoint['epoch']})")
    return checkpoint["epoch"]


def restore_training(checkpoint: dict[str, Any], path: str, model: nn.Module, optimizer: Optimizer | None,
                     scheduler: LRScheduler | None) -> None:
    """Restore a model, and optimizer and schedule where both the object and its entry in the checkpoint are there.

    Raises:
        DamagedFileError: an entry does not fit; the sentence names ``path``.
    """
    load_model_state(model, checkpoint["state_dict"], path)
    for what, restored in (("optimizer", optimizer), ("scheduler", scheduler)):
        if restored is None or checkpoint.get(what) is None:
            continue
        try:
            restored.load_state_dict(checkpoint[what])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DamagedFileError(
                f"the {what} state in {path!r} does not fit this run ({error}): use the configuration it was saved with"
            ) from error
