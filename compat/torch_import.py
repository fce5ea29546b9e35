"""Imports of torch, without looking for garbage that is not there.

They make hundreds of thousands of objects that stay. Meanwhile Python looks through them for unused cycles again and
again, later at each look through all that is old, and once more before it ends: a third of the CPU time of ``import
torch``.
"""
import contextlib
import gc
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def collection_paused() -> Iterator[None]:
    """Inside, Python does not look for unused cycles, unless it does not do so anyway."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def import_torch() -> None:
    """Import torch if nobody has. What is there then counts as permanent, in forked processes too."""
    if "torch" not in sys.modules:
        with collection_paused():
            import torch  # noqa: F401  for those who import it next
            gc.freeze()
