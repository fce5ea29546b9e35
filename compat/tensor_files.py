"""Reads files of torch.save, those of the original Dassl too, without running code from them.

An unpickler looks every class and function up by name. Here a name is answered only from a short list: torch's
rebuilding of tensors, numpy's of numbers, plain containers, and, for optimizers and learning-rate schedules, an inert
stand-in that takes the object's state and does nothing. Any other name ends the reading, and so does a file that grows
while it is read: compressed, with lists that share lists, or with tensors larger than itself.
"""
import functools
import os
import pickle
import types
import zipfile
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from typing import IO, Any, ClassVar

import numpy as np
import torch

from .errors import DamagedFileError, MissingFileError

STAND_IN_MODULES = ("torch.optim", "dassl.optim")  # with all modules below them
SLACK = 2 ** 24  # bytes that a file may grow by, whatever its size
MOST_ENTRIES, DEEPEST, MOST_IN_TUPLE = 300_000, 100, 10_000  # the optimizer of a CLIP has some thousand, 5 deep


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
    **{(module, known.__name__): known for module, several in {
        "collections": (OrderedDict, defaultdict, Counter),
        "builtins": (set, frozenset, dict, list, complex, int, float),
        "numpy": (np.dtype,),
        "torch": (torch.device, torch.Size, torch.Tensor),
        "torch.storage": (torch.storage.UntypedStorage,),
        "torch.nn.parameter": (torch.nn.Parameter,),
        "torch._utils": (torch._utils._rebuild_tensor, torch._utils._rebuild_tensor_v2,
                         torch._utils._rebuild_tensor_v3, torch._utils._rebuild_parameter),
    }.items() for known in several},
    ("builtins", "long"): int,  # int, in pickles of protocol 2
    ("_codecs", "encode"): _encode_latin1,
    ("numpy.core.multiarray", "scalar"): _numpy_scalar,
    ("numpy._core.multiarray", "scalar"): _numpy_scalar,
}


class RestrictedUnpickler(pickle._Unpickler):  # the one in Python, whose steps can be checked
    """Answers only the names on the list, and sets attributes only of the objects that need it."""

    stack: list[Any]
    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)
    del dispatch[pickle.BYTEARRAY8[0]]  # takes the memory that it claims before it reads

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._tuples: dict[int, tuple[int, Any]] = {}  # id -> (entries with those of the tuples in it, the tuple)

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

    def load_build(self) -> None:
        if not isinstance(self.stack[-2], (StandIn, OrderedDict, np.dtype)):
            raise ForbiddenGlobal(f"attributes of {self.stack[-2]!r}"[:80])
        super().load_build()  # type: ignore[misc]  # typeshed does not know it

    dispatch[pickle.BUILD[0]] = load_build

    def _load_tuple(self, load: Callable[[Any], None]) -> None:
        """Tuples are hashed where they are keys: each that holds another one twice doubles the time."""
        load(self)
        made = self.stack[-1]
        size = sum(self._tuples.get(id(entry), (1,))[0] for entry in made)
        if size > MOST_IN_TUPLE:
            raise pickle.UnpicklingError("a tuple of too many entries")
        self._tuples[id(made)] = size + 1, made

    for _opcode in (pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3):
        dispatch[_opcode[0]] = functools.partial(lambda load, self: self._load_tuple(load), dispatch[_opcode[0]])


def _load(file: IO[bytes], **options: Any) -> Any:
    return RestrictedUnpickler(file, **options).load()


# What torch.load uses of a module that takes the place of pickle.
restricted_pickle = types.SimpleNamespace(
    __name__="restricted_pickle", Unpickler=RestrictedUnpickler, load=_load, UnpicklingError=pickle.UnpicklingError)


def read_tensors(path: str) -> Any:
    """What a file of torch.save holds, tensors on the CPU, objects of optimizers and schedules as dicts of their state.

    Raises:
        MissingFileError: there is no such file.
        DamagedFileError: the file is damaged, is no checkpoint, or refers to a name that is not on the list (the
            sentence tells it).
    """
    if not path or not os.path.isfile(path):
        raise MissingFileError(f"there is no checkpoint {path!r}: give the folder and epoch of a finished run")
    try:
        if is_torchscript(path):
            raise DamagedFileError(f"{path!r} is a TorchScript archive, not a checkpoint: give a model.pth.tar file")
        check_archive(path)
        loaded = torch.load(path, map_location="cpu", weights_only=False, pickle_module=restricted_pickle)
        check_extent(loaded, os.path.getsize(path))
    except DamagedFileError:
        raise
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


def check_archive(path: str, growth: int = 20, checksums: bool = True) -> None:
    """Raise DamagedFileError if a zip archive is damaged, or would unpack to more than ``growth`` times its size.

    torch compares no ``checksums``: a flipped bit would be a wrong weight.
    """
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
        if size > growth * os.path.getsize(path) + SLACK:
            raise DamagedFileError(f"{path!r} would unpack to {size:,} bytes: use a file you trust")
        damaged = archive.testzip() if checksums else None
    if damaged is not None:
        raise DamagedFileError(f"{path!r} is damaged (checksum of {damaged}): save or copy it again")


def check_extent(value: Any, file_size: int) -> None:
    """Raise ValueError if a value read from a file has more entries, depth or bytes than the file can mean."""
    rest, count = [(value, 0)], 0
    while rest:
        entry, depth = rest.pop()
        if isinstance(entry, torch.Tensor):
            if entry.layout != torch.strided or entry.numel() * entry.element_size() > file_size + SLACK:
                raise ValueError("a tensor larger than the file")
            continue
        entry = entry.state if isinstance(entry, StandIn) else entry
        if isinstance(entry, dict):
            children = [*entry, *entry.values()]
        elif isinstance(entry, (list, tuple, set, frozenset)):
            children = list(entry)
        else:
            continue
        count += len(children)
        if count > MOST_ENTRIES or depth > DEEPEST:
            raise ValueError("too many entries, or too deep ones")
        rest += [(child, depth + 1) for child in children]


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
