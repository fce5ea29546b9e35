"""Hand-written prompts: one per data set (CoOp), and the seven of the zero-shot ensemble (OpenAI's notebook)."""
import json
from pathlib import Path

from .tokens import plain_name

DEFAULT_TEMPLATE = "a photo of a {}."

CUSTOM_TEMPLATES = {
    "OxfordPets": "a photo of a {}, a type of pet.",
    "OxfordFlowers": "a photo of a {}, a type of flower.",
    "FGVCAircraft": "a photo of a {}, a type of aircraft.",
    "DescribableTextures": "{} texture.",
    "EuroSAT": "a centered satellite photo of {}.",
    "StanfordCars": "a photo of a {}.",
    "Food101": "a photo of {}, a type of food.",
    "SUN397": "a photo of a {}.",
    "Caltech101": "a photo of a {}.",
    "UCF101": "a photo of a person doing {}.",
    "ImageNet": "a photo of a {}.",
    "ImageNetSketch": "a photo of a {}.",
    "ImageNetV2": "a photo of a {}.",
    "ImageNetA": "a photo of a {}.",
    "ImageNetR": "a photo of a {}.",
    "Pictograms": "a pictogram of a {}.",
    **dict.fromkeys(("EmojiAnimals", "EmojiFood", "EmojiTransport", "EmojiObjects",
                     "PictogramsInverted", "PictogramsContour"), "a pictogram of a {}."),
}
"""Data set name -> template; data sets not listed use ``DEFAULT_TEMPLATE``."""

ENSEMBLE_TEMPLATES = (
    "itap of a {}.",
    "a bad photo of the {}.",
    "a origami {}.",
    "a photo of the large {}.",
    "a {} in a video game.",
    "art of the {}.",
    "a photo of the small {}.",
)


def imagenet_templates():
    """The sixty templates that PromptSRC's teacher averages, in its order."""
    path = Path(__file__).parent / "assets" / "imagenet_templates.json"
    return json.loads(path.read_text(encoding="utf-8"))["templates"]


def dataset_template(dataset_name):
    """The hand-written template of a data set."""
    return CUSTOM_TEMPLATES.get(dataset_name, DEFAULT_TEMPLATE)


def fill(template, classnames):
    """Prompts of a template for class names (underscores become spaces)."""
    return [template.format(plain_name(name)) for name in classnames]
