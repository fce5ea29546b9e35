"""Figures from records: functions from a Request to a list of Drawings, empty where the records have nothing for them.

    style.py   colours, markers, how a figure becomes PNG and SVG;   one file per kind of figure
"""
from collections.abc import Callable

from ..request import Request
from .ablations import ablations
from .bars import bars
from .cost import cost
from .few_shot import few_shot
from .gain import gain
from .plane import plane
from .style import Drawing
from .training import training

FIGURES: dict[str, Callable[[Request], list[Drawing]]] = {
    "bars": bars, "gain": gain, "plane": plane, "training": training, "few_shot": few_shot, "ablation": ablations,
    "cost": cost}

# What a figure shows, and what it needs, for people who miss it
NEEDS = {
    "bars": "base, new and H of each method, from base-to-new results",
    "gain": "the gain of MAO over its backbone, from base-to-new results of a method with and without MAO",
    "plane": "base and new accuracies, from base-to-new results",
    "few_shot": "accuracy against training images per class, from few-shot results with several numbers of them",
    "training": "training curves, from training.jsonl",
    "ablation": "curves of ablations, from base-to-new results of MAO with other settings than the default ones",
    "cost": "the cost against the number of classes, from efficiency.jsonl with several numbers of classes",
}
