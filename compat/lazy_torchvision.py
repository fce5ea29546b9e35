"""Leaves out the parts of torchvision that nothing here uses: they take longer to import than a small test runs."""
import sys
from collections.abc import Sequence
from importlib.abc import Loader
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

UNUSED = ("torchvision.datasets", "torchvision.models", "torchvision.ops")


class LazyFinder:
    """Finds these modules for ``import torchvision``."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in UNUSED else None
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


class LazyLoader(Loader):
    """Executes a module when one of its names is first asked for.

    Unlike the one of ``importlib.util`` it does not count names such as ``__file__``: ``inspect`` asks all modules for
    them, in the middle of other imports.
    """

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__class__ = NotExecuted

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)  # get_source and others


class NotExecuted(ModuleType):
    """A module of which nobody has asked for a name."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__all__":
            raise AttributeError(name)
        object.__setattr__(self, "__class__", ModuleType)
        assert self.__spec__ is not None and isinstance(self.__spec__.loader, LazyLoader)
        self.__spec__.loader.loader.exec_module(self)
        return getattr(self, name)


def import_lazily() -> None:
    """Call it before torchvision is imported; it changes what an import costs, and nothing else."""
    if LazyFinder not in sys.meta_path:
        sys.meta_path.insert(0, LazyFinder)
