"""Classify images with a trained run: python scripts/predict.py --help"""
import sys

import repository  # noqa: F401  before the repository's packages

from predict.command import main

sys.exit(main())
