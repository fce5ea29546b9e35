"""The data sets; importing this package registers them in Dassl's DATASET_REGISTRY."""
from compat import resolve_dassl

resolve_dassl()  # for `python -m datasets.check`; train.py has done it already

from . import pictograms  # noqa: E402, F401
