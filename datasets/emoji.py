"""Emoji, drawn as images of 64x64 pixels: bundled test sets for prompts that were trained on Pictograms.

They are targets for the cross-data set protocol and have neither images nor classes of Pictograms. Licences and
authors: ``emoji/NOTICE``; how they were made: docs/demo.md.
"""
from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY

from .archive import unpack_once
from .base import FewShotDataset

ARCHIVES = Path(__file__).resolve().parent / "emoji"


class BundledTestSet(FewShotDataset):
    """Unpacked on first use from the archive of its name."""

    test_only = True
    template = "a pictogram of a {}."

    @classmethod
    def prepare(cls, folder):
        unpack_once(ARCHIVES / f"{cls.__name__}.zip", folder)


@DATASET_REGISTRY.register()
class EmojiAnimals(BundledTestSet):
    dataset_dir = "emoji_animals"
    split_file = "split_zhou_EmojiAnimals.json"


@DATASET_REGISTRY.register()
class EmojiFood(BundledTestSet):
    dataset_dir = "emoji_food"
    split_file = "split_zhou_EmojiFood.json"


@DATASET_REGISTRY.register()
class EmojiTransport(BundledTestSet):
    dataset_dir = "emoji_transport"
    split_file = "split_zhou_EmojiTransport.json"


@DATASET_REGISTRY.register()
class EmojiObjects(BundledTestSet):
    dataset_dir = "emoji_objects"
    split_file = "split_zhou_EmojiObjects.json"
