"""A stand-in for a GPU: torch's fake tensors say that they are on "cuda" and hold no numbers.

Operations on them check devices and dtypes as a GPU's do, and what would wait for the device, reading a number or
asking whether something is true, raises an error. Only gradients cannot be computed: they are zeros here. Whether two
tensors are equal, which MAO asks before it shares image features, is answered with yes.
"""
import contextlib
import functools
from types import CellType, FunctionType, MethodType, ModuleType
from unittest import mock

import torch
from dassl.data import DataManager
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader

from trainers.prompting.precision import Precision

GPU = torch.device("cuda")
LEFT_ALONE = (type, ModuleType, DataLoader, DataManager, str, bytes, int, float)


ONE_DTYPE = {torch.ops.aten.mm, torch.ops.aten.addmm, torch.ops.aten.bmm, torch.ops.aten.baddbmm,
             torch.ops.aten.linear, torch.ops.aten.convolution, torch.ops.aten.native_layer_norm}


class DtypesChecked(TorchDispatchMode):
    """What fake tensors let pass and a GPU does not: products, convolutions and layer norms of several dtypes."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function.overloadpacket in ONE_DTYPE:
            dtypes = {part.dtype for part in args if isinstance(part, torch.Tensor)}
            if len(dtypes) > 1:
                raise RuntimeError(f"{function} takes one dtype, not {dtypes}")
        return function(*args, **(kwargs or {}))


@contextlib.contextmanager
def precision_of_a_gpu():
    """Inside, trainers get the precision that they would have on a GPU; they are still built on the CPU."""
    on = Precision.__init__
    with mock.patch.object(Precision, "__init__", lambda self, name, device: on(self, name, GPU)):
        yield


@contextlib.contextmanager
def on_a_pretended_gpu(trainer):
    """Inside, a trainer that was built on the CPU is on the GPU; it is of no use afterwards."""

    def zeros(loss):
        assert loss.requires_grad and loss.dim() == 0 and loss.device.type == "cuda"
        for group in trainer.optim.param_groups:
            for parameter in group["params"]:
                parameter.grad = torch.zeros_like(parameter)

    with FakeTensorMode(allow_non_fake_inputs=True), mock.patch.object(torch.Tensor, "backward", zeros), \
            mock.patch("torch.cuda.amp.common.amp_definitely_not_available", lambda: False), \
            mock.patch("torch.equal", lambda one, other: one.shape == other.shape), \
            mock.patch.object(torch.Tensor, "data_ptr", id):
        _move(trainer)
        with DtypesChecked():
            yield


def _move(root):
    """Put an empty tensor on the GPU in the place of every tensor that can be reached from an object."""
    seen, twins, left = {}, {}, [root]  # by id; the objects are kept, so that no id is used twice

    def moved(value):
        if isinstance(value, torch.device):
            return GPU
        if isinstance(value, torch.Tensor):
            if id(value) not in twins:
                empty = torch.empty_like(value, device=GPU)
                twins[id(value)] = value, (nn.Parameter(empty, value.requires_grad)
                                           if isinstance(value, nn.Parameter) else empty)
            return twins[id(value)][1]
        if isinstance(value, tuple):
            parts = [moved(part) for part in value]
            return value._make(parts) if hasattr(value, "_make") else tuple(parts)
        left.append(value)
        return value

    while left:
        thing = left.pop()
        if id(thing) in seen or isinstance(thing, LEFT_ALONE):
            continue
        seen[id(thing)] = thing
        if isinstance(thing, dict):
            thing.update({key: moved(value) for key, value in thing.items()})
        elif isinstance(thing, list):
            thing[:] = [moved(value) for value in thing]
        elif isinstance(thing, FunctionType):
            left += thing.__closure__ or ()
        elif isinstance(thing, CellType):
            thing.cell_contents = moved(thing.cell_contents)
        elif isinstance(thing, MethodType):
            left += thing.__self__, thing.__func__
        elif isinstance(thing, functools.partial):
            left += thing.func, *thing.args
        elif hasattr(thing, "__dict__"):
            left.append(vars(thing))
