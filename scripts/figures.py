"""Draw figures from records of runs: python scripts/figures.py --help"""
import sys

import repository  # noqa: F401  before the repository's packages

from experiments.reporting.figures.__main__ import main

sys.exit(main())
