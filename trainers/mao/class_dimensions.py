"""What a host has one entry per class in, whatever its name: found by building the host again with one class less.

A size that happens to be the number of classes proves nothing: 4 context vectors are not those of 4 classes. What
shrinks with the class list is per class, in the dimension that shrinks. The second building takes as long as the first
one, so it is left out where nothing but known names has such a size.
"""
from __future__ import annotations

import contextlib
import io
import random
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from dassl.engine import SimpleTrainer
from torch import nn

from .errors import MAOError
from .host_contract import NOT_PER_CLASS, per_class_names, stores, unwrap
from .run_data import with_classnames

OF_THE_LOADERS = ("train_loader_x", "train_loader_u", "val_loader", "test_loader", "num_source_domains")


class Place(NamedTuple):
    """Where a host keeps something per class.

    Attributes:
        module: that it is of; None: of the trainer itself. store: dict that holds it, under ``name``.
        dims: dimensions that run over the classes; empty: to be told by the size.
    """

    module: nn.Module | None
    store: dict
    name: str
    dims: tuple[int, ...] = ()


def sizes(value: object) -> tuple[int, ...]:
    """Shape of a tensor, length of a list; empty for anything else."""
    if torch.is_tensor(value):
        return tuple(value.shape)
    return (len(value),) if isinstance(value, list) else ()


def find_unnamed(trainer: SimpleTrainer, host: type[SimpleTrainer], n_cls: int, rows_per_class: int) -> list[Place]:
    """Places of a host trainer that hold one entry per class, also under names that nobody knows.

    Args:
        host: the trainer's class without MAO, which is built again. n_cls: its number of classes.
        rows_per_class: how many rows each may have.

    Raises:
        MAOError: something may be per class, and the host cannot be built with one class less.
    """
    places = _places(trainer)
    doubtful = [path for path, place in places.items() if _is_doubtful(place, {n_cls, n_cls * rows_per_class})]
    if not doubtful or n_cls < 2:
        return []
    smaller = _places(_with_one_class_less(trainer, host, doubtful))
    found = []
    for path, place in places.items():
        twin = smaller.get(path)
        if twin is not None and place.name not in NOT_PER_CLASS:
            before, after = sizes(place.store[place.name]), sizes(twin.store[twin.name])
            dims = tuple(k for k, (one, other) in enumerate(zip(before, after))  # noqa: B905  Python 3.8
                         if one != other and one * (n_cls - 1) == other * n_cls)
            if dims and len(before) == len(after):
                found.append(place._replace(dims=dims))
    return found


def _places(trainer: SimpleTrainer) -> dict[str, Place]:
    """{path: place} of all tensors and lists of a trainer and of the modules among its attributes."""
    places, seen = {}, set()
    for attribute, value in list(vars(trainer).items()):
        if sizes(value):
            places[attribute] = Place(None, vars(trainer), attribute)
        if not isinstance(value, nn.Module):
            continue
        for path, module in unwrap(value).named_modules(prefix=attribute):
            if id(module) in seen:
                continue
            seen.add(id(module))
            for number, store in enumerate(stores(module)):
                places.update({f"{path}:{number}.{name}": Place(module, store, name)
                               for name, inside in store.items() if sizes(inside)})
    return places


def _is_doubtful(place: Place, counts: set[int]) -> bool:
    """Whether the size alone leaves open if, or in which dimension, something is per class."""
    matching = sum(size in counts for size in sizes(place.store[place.name]))
    known = place.module is not None and place.name in per_class_names(place.module)
    return place.name not in NOT_PER_CLASS and matching > known


def _with_one_class_less(trainer: SimpleTrainer, host: type[SimpleTrainer], doubtful: list[str]) -> SimpleTrainer:
    names = list(trainer.dm.dataset.classnames)[:-1]

    def build_data_loader(smaller: SimpleTrainer) -> None:  # sets what Dassl's sets, but reads no data set
        smaller.dm = with_classnames(trainer.dm, names)
        for name in OF_THE_LOADERS:
            if hasattr(trainer, name):
                setattr(smaller, name, getattr(trainer, name))
        smaller.num_classes, smaller.lab2cname = len(names), dict(enumerate(names))

    with _random_numbers_kept(), contextlib.redirect_stdout(io.StringIO()):
        try:
            return type(host.__name__, (host,), {"build_data_loader": build_data_loader})(trainer.cfg)
        except Exception as error:
            raise MAOError(
                f"{host.__name__} may have one entry per class in {', '.join(map(_readable, doubtful))}, and cannot be "
                f"built with one class less to find out ({error}): name what is per class in mao_per_class, if only () "
                "(docs/drop_in.md)") from error


def _readable(path: str) -> str:
    """``model.probe:1.weight`` as ``model.probe.weight``."""
    module, _, name = path.rpartition(":")
    return f"{module}.{name.partition('.')[2]}" if module else path


@contextlib.contextmanager
def _random_numbers_kept() -> Iterator[None]:
    """The streams of random numbers go on after the context as if it had not been."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
