"""Checkpoint files in Dassl's layout: write them atomically, read them without running code, resume from them.

A checkpoint is a dict with the keys state_dict, epoch, optimizer, scheduler, val_result;
``compat.checkpoint_files`` says which file it lies in.
"""
import io
import os
from collections import Counter
from collections.abc import Container
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from compat.checkpoint_files import BEST, MARKER, newest_checkpoint, numbered
from compat.errors import DamagedFileError, MissingFileError
from compat.files import atomic_write, write_file
from compat.state_dicts import misfits, state_dict_of
from compat.tensor_files import read_tensors

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
    own = model.state_dict()
    state = without_module_prefix(state, own)
    phrases = misfits(own, state)
    try:
        if not phrases:
            model.load_state_dict(state)
    except RuntimeError as error:
        phrases = [" ".join(str(error).split()).split(": ", 1)[-1].rstrip(". ")]
    if phrases:
        raise DamagedFileError(f"checkpoint {path!r} does not fit the model: {shortened('; '.join(phrases))}; use the "
                               "configuration it was saved with")


def shortened(text: str, limit: int = 300) -> str:
    """The text, or its start and three dots."""
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
    """The dict in a checkpoint file, tensors on the CPU, with a dict as ``state_dict``.

    Files of the original Dassl, which hold scheduler objects, are read, too; the objects come back as plain dicts of
    their state.

    Raises:
        MissingFileError: there is no such file.
        DamagedFileError: it is no checkpoint, is damaged, or refers to anything that is not on the reader's list.
    """
    checkpoint = read_tensors(fpath)
    state_dict_of(checkpoint, fpath)
    epoch = checkpoint.get("epoch")
    if epoch is not None and (type(epoch) is not int or epoch < 0):
        raise DamagedFileError(f"{fpath!r} is of epoch {str(epoch)[:80]!r}, which is no number of epochs: give another "
                               "checkpoint")
    return checkpoint


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
    if checkpoint.get("epoch") is None:
        raise DamagedFileError(f"{path!r} does not say after how many epochs it was saved: training cannot go on")
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
            check_like(restored.state_dict(), checkpoint[what], what)
            restored.load_state_dict(checkpoint[what])
            if isinstance(restored, Optimizer):
                _check_shapes(restored)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, RuntimeError) as error:
            raise DamagedFileError(
                f"the {what} state in {path!r} does not fit this run ({shortened(str(error))}): use the configuration "
                "it was saved with"
            ) from error


def check_like(own: object, found: object, where: str) -> None:
    """Raise ValueError, which says where, unless a saved state is built of the same kinds of values as the present one.

    Entries of dicts that only one of them has are left out, and so are what is None at present and counters, which the
    original's schedules have for lists.
    """
    if isinstance(own, dict) and isinstance(found, dict):
        for key in own.keys() & found.keys():
            check_like(own[key], found[key], f"{where}[{key!r}]")
    elif isinstance(own, (list, tuple)) and isinstance(found, (list, tuple)):
        if len(own) != len(found):
            raise ValueError(f"{where} has {len(found)} entries, expected {len(own)}")
        for index, pair in enumerate(zip(own, found, strict=True)):
            check_like(*pair, f"{where}[{index}]")
    elif own is not None and not isinstance(found, (type(own), Counter)) and not _are_numbers(own, found):
        raise ValueError(f"{where} is a {type(found).__name__}, expected a {type(own).__name__}")


def _are_numbers(*values: object) -> bool:
    return all(isinstance(value, (int, float)) for value in values)


def _check_shapes(optimizer: Optimizer) -> None:
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, torch.Tensor) and value.dim() and value.shape != parameter.shape:
                raise ValueError(f"{name} has shape {tuple(value.shape)}, expected {tuple(parameter.shape)}")
