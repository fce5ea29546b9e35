"""Dassl's place of these names; they live in build.py and augmentations.py."""
from .augmentations import Cutout, GaussianNoise, InstanceNormalization, Random2DTranslation
from .build import AVAI_CHOICES, INTERPOLATION_MODES, build_transform

__all__ = ["AVAI_CHOICES", "INTERPOLATION_MODES", "Cutout", "GaussianNoise", "InstanceNormalization",
           "Random2DTranslation", "build_transform"]
