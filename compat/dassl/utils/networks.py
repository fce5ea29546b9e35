"""Parameters of networks: counting, freezing, initialising, loading what fits."""
from collections.abc import Callable, Iterable
from typing import Any, Literal

import torch
from torch import nn

from compat.errors import DamagedFileError, UnknownNameError
from compat.state_dicts import misfits, state_dict_of
from compat.tensor_files import read_tensors

from .checkpoints import shortened, unwrap, without_module_prefix


def count_num_param(model: nn.Module | None = None,
                    params: Iterable[nn.Parameter | dict[str, Any]] | None = None) -> int:
    """Number of scalars in a model's parameters, or in a list of parameters or of optimizer groups."""
    entries = params or () if model is None else model.parameters()
    return sum(count_num_param(params=entry["params"]) if isinstance(entry, dict) else entry.numel()
               for entry in entries)


def open_all_layers(model: nn.Module) -> None:
    """Make all parameters of a model trainable and set it to train mode."""
    model.train()
    model.requires_grad_()


def open_specified_layers(model: nn.Module, open_layers: str | Iterable[str]) -> None:
    """Train only the named children of a model; the others are frozen and in eval mode.

    Raises:
        UnknownNameError: the model has no child of a name.
    """
    model = unwrap(model)
    names = [open_layers] if isinstance(open_layers, str) else list(open_layers)
    children = dict(model.named_children())
    for name in names:
        if name not in children:
            raise UnknownNameError(f"the model has no layer {name!r}: choose of {', '.join(children)}")
    for name, child in children.items():
        child.train(name in names)
        child.requires_grad_(name in names)


def load_pretrained_weights(model: nn.Module, weight_path: str) -> None:
    """Copy the entries of a checkpoint file whose name and shape the model has; print which others there are.

    Args:
        weight_path: file with a state dict, or with one under the key ``state_dict``.

    Raises:
        MissingFileError, DamagedFileError: no such file; it cannot be read, or nothing in it fits.
    """
    checkpoint = read_tensors(weight_path)
    inner = isinstance(checkpoint, dict) and "state_dict" not in checkpoint
    model = unwrap(model)
    own = model.state_dict()
    loaded = without_module_prefix(state_dict_of({"state_dict": checkpoint} if inner else checkpoint, weight_path), own)
    fitting = {key: value for key, value in loaded.items()
               if key in own and getattr(value, "shape", None) == own[key].shape}
    other = [key for key in loaded if key not in fitting]
    phrases = misfits({key: own[key] for key in fitting}, fitting) if fitting else ["no name and shape are the model's"]
    if phrases:
        raise DamagedFileError(f"weights {weight_path!r} cannot be loaded into the model: "
                               f"{shortened('; '.join(phrases))}; give a checkpoint of such a model")
    model.load_state_dict({**own, **fitting})
    print(f"loaded {len(fitting)} of {len(own)} entries from {weight_path}")
    if other:
        print(f"not loaded, as name or shape differ: {shortened(', '.join(other))}")


def init_network_weights(model: nn.Module, init_type: Literal["normal", "xavier", "kaiming", "orthogonal"] = "normal",
                         gain: float = 0.02) -> None:
    """Initialise weights of linear, convolution and normalisation layers in place, biases with zero.

    Args:
        init_type: distribution of the weights. gain: its standard deviation or gain; kaiming does not use it.
    """
    fill: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "normal": lambda weight: nn.init.normal_(weight, 0.0, gain),
        "xavier": lambda weight: nn.init.xavier_normal_(weight, gain=gain),
        "kaiming": lambda weight: nn.init.kaiming_normal_(weight, a=0, mode="fan_in"),
        "orthogonal": lambda weight: nn.init.orthogonal_(weight, gain=gain),
    }
    if init_type not in fill:
        raise UnknownNameError(f"init_type {init_type!r} is unknown: choose one of {', '.join(fill)}")
    norms = (nn.BatchNorm1d, nn.BatchNorm2d, nn.InstanceNorm1d, nn.InstanceNorm2d)
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.modules.conv._ConvNd)):
            fill[init_type](module.weight)
        elif isinstance(module, norms) and module.affine:
            nn.init.constant_(module.weight, 1.0)
        else:
            continue
        if module.bias is not None:
            nn.init.constant_(module.bias, 0.0)
