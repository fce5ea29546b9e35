"""Checkpoint files in Dassl's layout: write them atomically, read them without running code, resume from them.

A checkpoint is ``<folder>/model.pth.tar-<epoch>`` with the keys state_dict, epoch, optimizer, scheduler, val_result;
the text file ``checkpoint`` beside it names the newest.

A model may decide what is saved of it by a method ``checkpoint_state_dict()`` (default: ``state_dict()``), and take it
back by ``load_checkpoint_state_dict(state)`` (default: strict ``load_state_dict``), for instance to leave out frozen
weights that can be had elsewhere.
"""
import io
import os

import torch
from torch import nn

from compat.errors import DamagedFileError, MissingFileError

from .files import atomic_write
from .legacy_checkpoints import is_torchscript, load_restricted
from .plain import to_plain


def unwrap(model):
    """The model inside DataParallel or DistributedDataParallel, else the model itself."""
    wrappers = (nn.DataParallel, nn.parallel.DistributedDataParallel)
    return model.module if isinstance(model, wrappers) else model


def model_state(model):
    """What is saved of a model."""
    model = unwrap(model)
    return model.checkpoint_state_dict() if hasattr(model, "checkpoint_state_dict") else model.state_dict()


def load_model_state(model, state, path):
    """Put a saved state into a model; all of it has to fit.

    Raises:
        DamagedFileError: it does not fit; the sentence names ``path`` and the first differences.
    """
    model = unwrap(model)
    if hasattr(model, "load_checkpoint_state_dict"):
        model.load_checkpoint_state_dict(state)
        return
    try:
        model.load_state_dict(without_module_prefix(state, model.state_dict()))
    except RuntimeError as error:
        raise DamagedFileError(
            f"checkpoint {path!r} does not fit the model: {_first_differences(error)}; use the configuration it was "
            "saved with"
        ) from error


def _first_differences(error, limit=300):
    text = " ".join(str(error).split()).split(": ", 1)[-1].rstrip(". ")
    return text if len(text) <= limit else text[:limit] + " ..."


def without_module_prefix(state, expected):
    """A state dict with DataParallel's ``module.`` taken off the keys that ``expected`` knows only without it."""
    def name(key):
        bare = key[len("module."):] if key.startswith("module.") else key
        return bare if key not in expected and bare in expected else key

    return {name(key): value for key, value in state.items()}


def save_tensors(obj, path):
    """Write an object of tensors and plain values by torch.save, atomically.

    Raises:
        WriteError: the file cannot be written; a file that was there is kept.
    """
    buffer = io.BytesIO()  # torch's own file writer aborts the process when the disk is full
    torch.save(to_plain(obj), buffer)
    with atomic_write(path) as file:
        file.write(buffer.getbuffer())


def save_checkpoint(state, save_dir, is_best=False, remove_module_from_keys=True, model_name=""):
    """Write a checkpoint.

    Args:
        state: dict with the keys named at the top of this file; ``epoch`` is 1-based.
        is_best: also write it as ``model-best.pth.tar``.
        remove_module_from_keys: take DataParallel's ``module.`` off the keys of the state dict if all have it.
        model_name: file name; default ``model.pth.tar-<epoch>``, which the file ``checkpoint`` then names.
    """
    weights = state["state_dict"]
    if remove_module_from_keys and weights and all(key.startswith("module.") for key in weights):
        state = {**state, "state_dict": {key[len("module."):]: value for key, value in weights.items()}}
    name = model_name or f"model.pth.tar-{state['epoch']}"
    path = os.path.join(save_dir, name)
    save_tensors(state, path)
    if is_best:
        save_tensors(state, os.path.join(save_dir, "model-best.pth.tar"))
    if not model_name:
        with atomic_write(os.path.join(save_dir, "checkpoint"), "w") as file:
            file.write(name + "\n")
    print(f"checkpoint saved to {path}")


def load_checkpoint(fpath):
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


def newest_checkpoint(folder):
    """Path that the file ``checkpoint`` in a folder names, or None if there is no such file."""
    marker = os.path.join(folder, "checkpoint")
    if not os.path.isfile(marker):
        return None
    with open(marker, encoding="utf-8") as file:
        return os.path.join(folder, file.readline().strip())


def resume_from_checkpoint(fdir, model, optimizer=None, scheduler=None):
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
    load_model_state(model, checkpoint["state_dict"], path)
    load_training_state(checkpoint, optimizer, scheduler, path)
    print(f"resumed from {path} (epoch {checkpoint['epoch']})")
    return checkpoint["epoch"]


def load_training_state(checkpoint, optimizer, scheduler, path):
    """Restore optimizer and schedule from a checkpoint's entries, where both the object and the entry are there."""
    for what, restored in (("optimizer", optimizer), ("scheduler", scheduler)):
        if restored is None or checkpoint.get(what) is None:
            continue
        try:
            restored.load_state_dict(checkpoint[what])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DamagedFileError(
                f"the {what} state in {path!r} does not fit this run ({error}): use the configuration it was saved with"
            ) from error
