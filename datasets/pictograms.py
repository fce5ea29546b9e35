"""Pictograms: 64x64 drawings of everyday objects from openly licensed icon sets; comes with this repository.

The archive ``pictograms/pictograms.zip`` beside this file is unpacked into ``<DATASET.ROOT>/pictograms`` on first use.
Licences and authors: ``pictograms/NOTICE``; how it was made: docs/demo.md.
"""
from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY

from .archive import unpack_once
from .base import FewShotDataset

ARCHIVE = Path(__file__).resolve().parent / "pictograms" / "pictograms.zip"


@DATASET_REGISTRY.register()
class Pictograms(FewShotDataset):
    dataset_dir = "pictograms"
    split_file = "split_zhou_Pictograms.json"
    template = "a pictogram of a {}."

    @classmethod
    def prepare(cls, folder):
        unpack_once(ARCHIVE, folder)
