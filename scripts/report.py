"""Make one HTML page of all tables and figures: python scripts/report.py --help"""
import sys

import repository  # noqa: F401  before the repository's packages

from experiments.reporting.report import main

sys.exit(main())
