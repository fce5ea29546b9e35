"""reg-B: what a host keeps per class is narrowed to the classes of a batch for the length of a step."""
from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

import torch
from torch import nn

from .candidates import candidate_targets, select_candidates
from .host_contract import class_count, has_class_specific_context, per_class_names, prompt_learner, stores, unwrap


class ClassState:
    """The places where a host keeps one row or item per class: looked for once per run, narrowed in each step.

    A place is a module, the dict of the module that torch keeps the value in, and a name. Values are read anew in each
    step, so a host may replace them. Where it replaces modules, or gains or loses an attribute, the places are looked
    for again.

    Args:
        further_names: per-class attributes of the host beside ``PER_CLASS``.
    """

    def __init__(self, further_names: Iterable[str] = ()) -> None:
        self._further_names = tuple(further_names)
        self._modules: list[nn.Module] = []
        self._roots: tuple[nn.Module, ...] = ()
        self._fingerprint: list[tuple] = []
        self._places: list[tuple[nn.Module, dict, str]] = []

    @contextlib.contextmanager
    def narrowed(self, labels: torch.Tensor, model: nn.Module, *beside: nn.Module) -> Iterator[torch.Tensor]:
        """Narrow a host to the classes ``labels`` inside the context; yields the targets (``candidate_targets``).

        Everything is put back on leaving, also after an exception.

        Args:
            labels: int64 (M,), in the order of the columns to come. model: the host's model, perhaps in DataParallel.
            beside: further modules that the host's training step calls, such as a teacher.
        """
        roots = (unwrap(model), *beside)
        if roots != self._roots or _fingerprint(self._modules) != self._fingerprint:
            self._find_places(roots)
        n_cls, rows = class_count(model), labels.tolist()
        with contextlib.ExitStack() as undo:
            for module, store, name in self._places:
                value = store.get(name, ())
                if name == "n_cls" and value == n_cls:
                    _replace(store, name, len(rows), undo)
                elif not _has_entries(value, n_cls):
                    continue
                elif not torch.is_tensor(value):
                    _replace(store, name, [value[label] for label in rows], undo)
                elif store is module._parameters:
                    _hide_parameter(module, name, select_candidates(value, labels), undo)
                else:
                    _replace(store, name, select_candidates(value, labels), undo)
            yield candidate_targets(labels)

    def _find_places(self, roots: tuple[nn.Module, ...]) -> None:
        modules = {id(module): module for root in roots for module in root.modules()}  # each once, also where shared
        self._roots, self._modules = roots, list(modules.values())
        self._fingerprint = _fingerprint(self._modules)
        self._places = []
        for module in self._modules:
            names = (*per_class_names(module, self._further_names), "n_cls")
            self._places += [(module, store, name) for name in names for store in stores(module, names)
                             if name in store]
        learner = prompt_learner(roots[0])
        if learner is not None and has_class_specific_context(roots[0]):
            self._places.append((learner, learner._parameters, "ctx"))


def _fingerprint(modules: list[nn.Module]) -> list[tuple]:
    """What changes where modules below these are replaced, or attributes come or go."""
    return [(len(vars(module)), len(module._buffers), len(module._parameters), *module._modules.values())
            for module in modules]


def _has_entries(value: object, n_cls: int) -> bool:
    """Whether a value is a tensor or list with one entry per class."""
    if torch.is_tensor(value):
        return value.dim() > 0 and len(value) == n_cls
    return hasattr(value, "__len__") and not isinstance(value, (str, dict)) and len(value) == n_cls


def _replace(store: dict, name: str, value: object, undo: contextlib.ExitStack) -> None:
    undo.callback(store.__setitem__, name, store[name])
    store[name] = value


def _hide_parameter(module: nn.Module, name: str, value: torch.Tensor, undo: contextlib.ExitStack) -> None:
    """Put a tensor computed from a parameter in the parameter's place; undoing keeps the order of the parameters.

    It stands among the buffers, because DataParallel copies those to the other devices, with their gradient.
    """
    saved = dict(module._parameters)

    def restore() -> None:
        del module._buffers[name]
        module._parameters.clear()
        module._parameters.update(saved)

    undo.callback(restore)
    del module._parameters[name]
    module._buffers[name] = value
