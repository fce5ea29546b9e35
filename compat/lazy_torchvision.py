"""Leaves out the parts of torchvision that nothing here uses: they take longer to import than a small test runs."""
import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

UNUSED = ("torchvision.datasets", "torchvision.models", "torchvision.ops")


class LazyFinder:
    """Finds these modules for ``import torchvision``; each is executed when one of its names is first asked for."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in UNUSED else None
        if spec is not None and spec.loader is not None:
            spec.loader = importlib.util.LazyLoader(spec.loader)
        return spec


def import_lazily() -> None:
    """Call it before torchvision is imported; it changes what an import costs, and nothing else."""
    if LazyFinder not in sys.meta_path:
        sys.meta_path.insert(0, LazyFinder)
