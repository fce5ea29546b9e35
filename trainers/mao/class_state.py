"""reg-B: what a host keeps per class is narrowed to the classes of a batch for the length of a step."""
from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator

import torch
from torch import nn

from .candidates import candidate_targets, select_candidates
from .class_dimensions import Place, sizes
from .errors import MAOError
from .host_contract import class_count, has_class_specific_context, per_class_names, prompt_learner, stores, unwrap


class ClassState:
    """The places where a host keeps something per class: looked for once per run, narrowed in each step.

    Values are read anew in each step, so a host may replace them. Where it replaces modules, or gains or loses an
    attribute, the places are looked for again.

    Args:
        further_names: per-class attributes of the host beside ``PER_CLASS``.
        find_unnamed: gives the places that have none of these names.
        rows_per_class: rows that a class has in each place, for hosts with several prompts per class.
    """

    def __init__(self, further_names: Iterable[str] = (), find_unnamed: Callable[[], list[Place]] | None = None,
                 rows_per_class: int = 1) -> None:
        self._further_names = tuple(further_names)
        self._find_unnamed = find_unnamed
        self._rows_per_class = rows_per_class
        self._modules: list[nn.Module] = []
        self._roots: tuple[nn.Module, ...] = ()
        self._fingerprint: list[tuple] = []
        self._places: list[Place] = []

    def find_places(self, model: nn.Module, *beside: nn.Module) -> None:
        """Look for the places, unless they are known; arguments as in ``narrowed``."""
        roots = (unwrap(model), *beside)
        if roots != self._roots or _fingerprint(self._modules) != self._fingerprint:
            self._find_places(roots)

    @contextlib.contextmanager
    def narrowed(self, labels: torch.Tensor, model: nn.Module, *beside: nn.Module) -> Iterator[torch.Tensor]:
        """Narrow a host to the classes ``labels`` inside the context; yields the targets (``candidate_targets``).

        Everything is put back on leaving, also after an exception.

        Args:
            labels: int64 (M,), in the order of the columns to come. model: the host's model, perhaps in DataParallel.
            beside: further modules that the host's training step calls, such as a teacher.
        """
        self.find_places(model, *beside)
        n_cls = class_count(model, self._rows_per_class)
        rows = {n_cls: labels}
        if self._rows_per_class > 1:
            rows[n_cls * self._rows_per_class] = self._rows_of(labels, unwrap(model), n_cls)
        with contextlib.ExitStack() as undo:
            for place in self._places:
                value = place.store.get(place.name, ())
                dims = place.dims or _class_dimension(value, rows)
                if place.name == "n_cls" and value == n_cls:
                    _replace(place, len(labels), undo)
                elif any(len(sizes(value)) <= dim or sizes(value)[dim] not in rows for dim in dims) or not dims:
                    continue
                elif torch.is_tensor(value):
                    for dim in dims:
                        value = select_candidates(value, rows[value.shape[dim]], dim)
                    if place.module is not None and place.store is place.module._parameters:
                        _hide_parameter(place.module, place.name, value, undo)
                    else:
                        _replace(place, value, undo)
                else:
                    _replace(place, [value[row] for row in rows[len(value)].tolist()], undo)
            yield candidate_targets(labels)

    def _find_places(self, roots: tuple[nn.Module, ...]) -> None:
        modules = {id(module): module for root in roots for module in root.modules()}  # each once, also where shared
        self._roots, self._modules = roots, list(modules.values())
        self._fingerprint = _fingerprint(self._modules)
        known = [Place(module, store, name) for module in self._modules
                 for name in (*per_class_names(module, self._further_names), "n_cls")
                 for store in stores(module) if name in store]
        learner = prompt_learner(roots[0])
        if learner is not None and has_class_specific_context(roots[0]):
            known.append(Place(learner, learner._parameters, "ctx"))
        unnamed = self._find_unnamed() if self._find_unnamed else []
        places = {(id(place.store), place.name): place for place in (*known, *unnamed)}  # the later ones know more
        self._places = list(places.values())

    def _rows_of(self, labels: torch.Tensor, model: nn.Module, n_cls: int) -> torch.Tensor:
        """Rows of the classes ``labels`` where each has several, in the order that the host has them in.

        Either those of a class lie together, or those of all classes take turns (PLOT); a class's prompts have one name
        in them, so its tokens tell.

        Raises:
            MAOError: they do not.
        """
        count = self._rows_per_class
        learner = prompt_learner(model)
        tokens = getattr(learner, "tokenized_prompts", getattr(model, "tokenized_prompts", None))
        if tokens is None or len(tokens) != n_cls * count:
            raise MAOError(f"mao_rows_per_class is {count}, but there are no tokenized_prompts with so many rows for "
                           f"each of {n_cls} classes: correct it")
        together = (tokens.view(n_cls, count, -1) == tokens.view(n_cls, count, -1)[:, :1]).all()
        in_turns = (tokens.view(count, n_cls, -1) == tokens.view(count, n_cls, -1)[:1]).all()
        if bool(together) == bool(in_turns):
            raise MAOError("MAO cannot tell which rows of tokenized_prompts belong to a class: their tokens differ in "
                           "more than the class name")
        prompts = torch.arange(count, device=labels.device)
        if together:
            return (labels[:, None] * count + prompts).flatten()
        return (prompts[:, None] * n_cls + labels).flatten()


def _fingerprint(modules: list[nn.Module]) -> list[tuple]:
    """What changes where modules below these are replaced, or attributes come or go."""
    return [(len(vars(module)), len(module._buffers), len(module._parameters), *module._modules.values())
            for module in modules]


def _class_dimension(value: object, rows: dict[int, torch.Tensor]) -> tuple[int, ...]:
    """The first dimension of a tensor or sequence that has as many entries as there are classes, or rows of them."""
    if not torch.is_tensor(value) and hasattr(value, "__len__") and not isinstance(value, (str, dict)):
        return (0,) if len(value) in rows else ()
    return next(((dim,) for dim, size in enumerate(sizes(value)) if size in rows), ())


def _replace(place: Place, value: object, undo: contextlib.ExitStack) -> None:
    undo.callback(place.store.__setitem__, place.name, place.store[place.name])
    place.store[place.name] = value


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
