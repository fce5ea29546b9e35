"""The data sets; importing this package registers them in Dassl's DATASET_REGISTRY."""
from . import pictograms  # noqa: F401
