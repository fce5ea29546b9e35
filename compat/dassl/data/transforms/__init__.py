"""Image transforms by the names in a config's INPUT.TRANSFORMS."""
from .build import AVAI_CHOICES, INTERPOLATION_MODES, build_transform

__all__ = ["AVAI_CHOICES", "INTERPOLATION_MODES", "build_transform"]
