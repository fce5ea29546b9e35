"""The data sets that come with this repository: images of 64x64 pixels, unpacked into the data root on first use.

Pictograms holds drawings of everyday objects from openly licensed icon sets. The emoji sets are targets for prompts
that were trained on it, and share neither images nor classes with it. Licences and authors: the NOTICE files beside
the archives; how they were made: docs/appendix_bundled_data.md.
"""
from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY

from .base import FewShotDataset
from .download.unpack_once import unpack_once

HERE = Path(__file__).resolve().parent
EMOJI_ARCHIVES = HERE / "emoji"
EMOJI = {"EmojiAnimals": "emoji_animals", "EmojiFood": "emoji_food", "EmojiTransport": "emoji_transport",
         "EmojiObjects": "emoji_objects"}
"""{registered name: folder in the data root}."""


class BundledDataset(FewShotDataset):
    """Lies in the zip file ``archive`` of this repository."""

    archive: Path
    template = "a pictogram of a {}."

    @classmethod
    def prepare(cls, folder: Path) -> None:
        unpack_once(cls.archive, folder)


@DATASET_REGISTRY.register()
class Pictograms(BundledDataset):
    archive = HERE / "pictograms" / "pictograms.zip"
    dataset_dir = "pictograms"
    split_file = "split_zhou_Pictograms.json"


for name, dataset_dir in EMOJI.items():
    DATASET_REGISTRY.register(type(name, (BundledDataset,), {
        "archive": EMOJI_ARCHIVES / f"{name}.zip", "dataset_dir": dataset_dir, "split_file": f"split_zhou_{name}.json",
        "test_only": True}))
