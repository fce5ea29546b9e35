"""Reads checkpoints of the original Dassl, which are pickles with objects in them, without running code from the file.

An unpickler looks every class and function up by name. Here a name is answered only from a short list: torch's
rebuilding of tensors, numpy's of numbers, plain containers, and, for optimizers and learning-rate schedules, an inert
stand-in that takes the object's state and does nothing. Any other name ends the reading.
"""
import pickle
import types
import zipfile
from collections import Counter, OrderedDict, defaultdict
from typing import IO, Any

import numpy as np
import torch

from compat.errors import DamagedFileError

STAND_IN_MODULES = ("torch.optim", "dassl.optim")  # with all modules below them


class ForbiddenGlobal(pickle.UnpicklingError):
    """A file refers to a class or function that is not on the list."""


class StandIn:
    """Takes the place of an optimizer or schedule; ``state`` is what was pickled of it."""

    def __init__(self, *_: object) -> None:
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: object) -> None:
        self.state = state if isinstance(state, dict) else {}


def _numpy_scalar(dtype: np.dtype, data: bytes = b"") -> Any:
    if dtype.hasobject:
        raise ForbiddenGlobal("numpy objects")
    return np.frombuffer(data, dtype=dtype, count=1)[0].item()


def _encode_latin1(text: str, encoding: str) -> bytes:
    """What protocol-2 pickles call to make bytes."""
    if encoding != "latin1":
        raise ForbiddenGlobal(f"text encoded as {encoding!r}")
    return text.encode(encoding)


ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "defaultdict"): defaultdict,
    ("collections", "Counter"): Counter,
    ("builtins", "set"): set,
    ("builtins", "frozenset"): frozenset,
    ("builtins", "dict"): dict,
    ("builtins", "list"): list,
    ("builtins", "complex"): complex,
    ("builtins", "int"): int,
    ("builtins", "long"): int,  # int, in pickles of protocol 2
    ("builtins", "float"): float,
    ("_codecs", "encode"): _encode_latin1,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "scalar"): _numpy_scalar,
    ("numpy._core.multiarray", "scalar"): _numpy_scalar,
    ("torch", "device"): torch.device,
    ("torch", "Size"): torch.Size,
    ("torch", "Tensor"): torch.Tensor,
    ("torch.nn.parameter", "Parameter"): torch.nn.Parameter,
    ("torch._utils", "_rebuild_tensor"): torch._utils._rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2,
    ("torch._utils", "_rebuild_parameter"): torch._utils._rebuild_parameter,
}


class RestrictedUnpickler(pickle.Unpickler):
    """Answers only the names on the list."""

    def find_class(self, module: str, name: str) -> Any:
        module = "builtins" if module == "__builtin__" else module  # its name in pickles of protocol 2
        if (module, name) in ALLOWED:
            return ALLOWED[module, name]
        if module == "torch" and isinstance(getattr(torch, name, None), torch.dtype):
            return getattr(torch, name)
        if module == "torch" and name.endswith("Storage") and isinstance(getattr(torch, name, None), type):
            return getattr(torch, name)
        if any(module == above or module.startswith(above + ".") for above in STAND_IN_MODULES) and name.isidentifier():
            return StandIn
        raise ForbiddenGlobal(f"{module}.{name}")


def _load(file: IO[bytes], **options: Any) -> Any:
    return RestrictedUnpickler(file, **options).load()


# What torch.load uses of a module that takes the place of pickle.
restricted_pickle = types.SimpleNamespace(
    __name__="restricted_pickle", Unpickler=RestrictedUnpickler, load=_load, UnpicklingError=pickle.UnpicklingError)


def load_restricted(path: str) -> dict[str, Any]:
    """The dict in a checkpoint file, tensors on the CPU, objects of optimizers and schedules as dicts of their state.

    Raises:
        DamagedFileError: the file is damaged, is no checkpoint, or refers to a name that is not on the list (the
            sentence tells it).
    """
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=False, pickle_module=restricted_pickle)
    except ForbiddenGlobal as error:
        raise DamagedFileError(
            f"checkpoint {path!r} refers to {error}, which no checkpoint needs: it was not read; use a file you trust"
        ) from error
    except Exception as error:  # torch and pickle raise nearly anything on damaged bytes
        raise DamagedFileError(
            f"cannot read checkpoint {path!r} ({type(error).__name__}): it is damaged or no checkpoint; save or copy "
            "it again"
        ) from error
    return _states(loaded)


def is_torchscript(path: str) -> bool:
    """Whether a file is a TorchScript archive, which torch.load may take for a program."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("constants.pkl") for name in archive.namelist())


def _states(value: Any) -> Any:
    """The value with each stand-in replaced by its state, without the optimizer that schedules drag along."""
    if isinstance(value, StandIn):
        value = {key: entry for key, entry in value.state.items() if key != "optimizer"}
    if isinstance(value, Counter):
        return value
    if isinstance(value, dict):
        kind = OrderedDict if isinstance(value, OrderedDict) else dict
        return kind((key, _states(entry)) for key, entry in value.items())
    if type(value) in (list, tuple):
        return type(value)(_states(entry) for entry in value)
    return value
