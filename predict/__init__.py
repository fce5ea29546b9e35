"""Using a trained run on images: in Python by ``load_run``, on the command line by scripts/predict.py.

    from predict import load_run
    model = load_run("output/run")
    for found in model.predict(["cat.jpg", image_of_pillow]):
        print(found.label, found.probability)
"""
from .loading import load_run
from .model import Prediction, RunModel

__all__ = ["Prediction", "RunModel", "load_run"]
