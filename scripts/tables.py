"""Print tables of accuracy or cost from records of runs: python scripts/tables.py --help"""
import sys

import repository  # noqa: F401  before the repository's packages

from experiments.reporting.tables import main

sys.exit(main())
