"""Per-class accuracy, most confused pairs and confusion matrix of runs: python scripts/confusion.py --help"""
import sys

import repository  # noqa: F401  before the repository's packages

from experiments.reporting.confusion import main

sys.exit(main())
