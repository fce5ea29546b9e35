"""Using a trained run on images: in Python by ``load_run``, on the command line by scripts/predict.py.

    from predict import load_run
    model = load_run("output/run")
    for found in model.predict(["cat.jpg", image_of_pillow]):
        print(found.label, found.probability)
"""
import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .loading import load_run
    from .model import Prediction, RunModel

__all__ = ["Prediction", "RunModel", "load_run"]


def __getattr__(name: str) -> Any:
    """The names above, when they are asked for: the command line's --help needs no torch."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(".loading" if name == "load_run" else ".model", __name__), name)
