"""Fit and test a linear probe of CLIP, the field's few-shot baseline: python scripts/linear_probe.py --help"""
import sys

import repository  # noqa: F401  before the repository's packages

from experiments.linear_probe import main

sys.exit(main())
