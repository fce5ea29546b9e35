"""Hand-written prompts: those of the zero-shot ensemble (OpenAI's notebook) and of PromptSRC's teacher.

A data set's own prompt is its attribute ``template``.
"""
import json
from pathlib import Path

from .tokens import plain_name

DEFAULT_TEMPLATE = "a photo of a {}."
"""For data sets of other repositories, which have no ``template``."""

ENSEMBLE_TEMPLATES = (
    "itap of a {}.",
    "a bad photo of the {}.",
    "a origami {}.",
    "a photo of the large {}.",
    "a {} in a video game.",
    "art of the {}.",
    "a photo of the small {}.",
)


def imagenet_templates() -> list[str]:
    """The sixty templates that PromptSRC's teacher averages, in its order."""
    path = Path(__file__).parent / "assets" / "imagenet_templates.json"
    return json.loads(path.read_text(encoding="utf-8"))["templates"]


def teacher_templates(template: str = "") -> list[str]:
    """Templates of PromptSRC's teacher: the sixty, or the user's one (DATASET.TEMPLATE) instead."""
    return [template] if template else imagenet_templates()


def fill(template: str, classnames: list[str]) -> list[str]:
    """Prompts of a template for class names (underscores become spaces)."""
    return [template.format(plain_name(name)) for name in classnames]
