"""The data sets; importing this package registers them in Dassl's DATASET_REGISTRY.

Here lie the loaders, one short file per data set. ``splits`` reads split files and draws, ``download`` gets data.
"""
from compat import resolve_dassl

resolve_dassl()  # for `python -m datasets.check`; train.py has done it already

from . import (  # noqa: E402, F401
    bundled,
    caltech101,
    cifar,
    domain_folder,
    dtd,
    eurosat,
    fgvc_aircraft,
    food101,
    image_folder,
    imagenet,
    imagenet_variants,
    oxford_flowers,
    oxford_pets,
    pictograms_styles,
    stanford_cars,
    sun397,
    ucf101,
)
