"""Checkpoints that hold learnable parameters only, under the upstream repositories' key names."""
import os

from dassl.utils import load_checkpoint
from torch import nn

from compat.errors import UserError


class LearnableState(nn.Module):
    """A module whose state dict is its learnable parameters.

    Frozen weights and per-class token buffers can be rebuilt from CLIP and the class names, so they are neither
    saved nor loaded: entries of other names in an upstream checkpoint (whole CLIPs, ``token_prefix``, ...) are ignored.
    """

    def state_dict(self, *args, **kwargs):
        state = super().state_dict(*args, **kwargs)
        prefix = kwargs.get("prefix", "")
        learnable = {prefix + name for name, parameter in self.named_parameters() if parameter.requires_grad}
        for key in [key for key in state if key.startswith(prefix) and key not in learnable]:
            del state[key]
        return state

    def load_state_dict(self, state_dict, strict=True, assign=False):
        """Copy the learnable entries of a state dict.

        Raises:
            UserError: learnable entries are missing or have another shape, and ``strict`` is set.
        """
        own = self.state_dict()
        differing = differing_keys(own, state_dict)
        if strict and differing:
            raise UserError("the checkpoint does not fit this model: " + "; ".join(differing))
        fitting = {key: value for key, value in state_dict.items() if key in own and value.shape == own[key].shape}
        return super().load_state_dict(fitting, strict=False, assign=assign)


def differing_keys(expected, found):
    """One phrase for each learnable entry that a checkpoint lacks or holds in another shape.

    Args:
        expected: state dict of the model, learnable entries only.
        found: state dict of the checkpoint; entries beyond ``expected`` do not count.
    """
    phrases = []
    for key, value in expected.items():
        if key not in found:
            phrases.append(f"{key} is missing")
        elif found[key].shape != value.shape:
            phrases.append(f"{key} has shape {tuple(found[key].shape)}, expected {tuple(value.shape)}")
    return phrases


def checkpoint_path(directory, model_name, epoch=None):
    """Path of a checkpoint of Dassl's layout.

    Args:
        directory: a run's output folder.
        model_name: name the model was registered under.
        epoch: its number; None means the best by validation if there is one, else the newest; -1 means the newest.

    Raises:
        UserError: there is no such checkpoint; the sentence names those that exist.
    """
    folder = os.path.join(directory, model_name)
    if not os.path.isdir(folder):
        raise UserError(f"no checkpoint folder {folder!r}: give --model-dir the output folder of a finished run")
    if epoch is None and os.path.isfile(os.path.join(folder, "model-best.pth.tar")):
        return os.path.join(folder, "model-best.pth.tar")
    if epoch is None or epoch < 0:
        marker = os.path.join(folder, "checkpoint")
        if not os.path.isfile(marker):
            raise UserError(f"{folder!r} holds no checkpoint: train first, or give --load-epoch")
        with open(marker, encoding="utf-8") as file:
            path = os.path.join(folder, file.read().strip())
    else:
        path = os.path.join(folder, f"model.pth.tar-{epoch}")
    if not os.path.isfile(path):
        there = sorted(name for name in os.listdir(folder) if name.startswith("model"))
        raise UserError(f"no checkpoint {path!r}: the folder holds {', '.join(there) or 'none'}")
    return path


def load_learnable(module, path):
    """Load the learnable entries of a checkpoint file into a ``LearnableState``; returns the file's epoch.

    Raises:
        UserError: the file's learnable entries do not fit; the sentence lists those that differ.
    """
    checkpoint = load_checkpoint(path)
    state = {key[len("module."):] if key.startswith("module.") else key: value
             for key, value in checkpoint["state_dict"].items()}
    differing = differing_keys(module.state_dict(), state)
    if differing:
        raise UserError(
            f"checkpoint {path!r} does not fit the configured model ({'; '.join(differing)}): "
            "use the configuration it was trained with"
        )
    module.load_state_dict(state)
    return checkpoint.get("epoch")
