"""Tables of classes by name, and what to say when a name is not in them."""
import difflib
from collections.abc import Callable, Collection
from typing import Any, Generic, TypeVar, overload

from yacs.config import CfgNode

from compat.errors import UnknownNameError

T = TypeVar("T")
Class = TypeVar("Class", bound=type)


class Registry(Generic[T]):
    """Classes by name; ``@REGISTRY.register()`` adds a class under its own name.

    Args:
        name: the config key that chooses among them, for sentences.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._objects: dict[str, type[T]] = {}

    @overload
    def register(self, obj: None = None, force: bool = False) -> Callable[[Class], Class]: ...

    @overload
    def register(self, obj: Class, force: bool = False) -> Class: ...

    def register(self, obj: Any = None, force: bool = False) -> Any:
        """Add a class, as a decorator or directly.

        Raises:
            KeyError: the name is taken and ``force`` is not set.
        """
        if obj is None:
            return lambda decorated: self.register(decorated, force)
        name = obj.__name__
        if name in self._objects and not force:
            raise KeyError(f"{name!r} is registered in {self._name} already")
        self._objects[name] = obj
        return obj

    def get(self, name: str) -> type[T]:
        """The class of a name.

        Raises:
            UnknownNameError: no class has this name; the sentence lists those there are and the nearest.
        """
        check_availability(name, self.registered_names(), what=self._name)
        return self._objects[name]

    def build(self, name: str, cfg: CfgNode, **options: Any) -> T:
        """An object of the class of a name, made from a config; a line says so if the config is VERBOSE."""
        chosen: Callable[..., T] = self.get(name)
        if cfg.VERBOSE:
            print(f"loading {name} ({self._name})")
        return chosen(cfg, **options)

    def registered_names(self) -> list[str]:
        return list(self._objects)

    def __contains__(self, name: object) -> bool:
        return name in self._objects


def get_most_similar_str_to_a_from_b(a: str, b: Collection[str]) -> str:
    """The string in ``b`` that resembles the string ``a`` most, whatever their case; "" if ``b`` is empty."""
    def likeness(candidate: str) -> float:
        return difflib.SequenceMatcher(None, a.lower(), candidate.lower()).ratio()

    return max(b, key=likeness, default="")


def check_availability(requested: str, available: Collection[str], what: str = "name") -> None:
    """Raise UnknownNameError, which names the choices, unless ``requested`` is among ``available``.

    Args:
        what: how the sentence calls it, such as the config key it came from.
    """
    if requested in available:
        return
    near = get_most_similar_str_to_a_from_b(str(requested), available)
    choices = ", ".join(sorted(available)) or "none (nothing is registered)"
    raise UnknownNameError(
        f"{what} {requested!r} is unknown: choose one of {choices}"
        + (f"; did you mean {near!r}?" if near and requested else "")
    )
