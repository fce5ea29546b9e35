"""Draw a bar chart of base, new and H: python scripts/chart.py --help"""
import sys

import repository  # noqa: F401  before the repository's packages

from experiments.reporting.chart import main

sys.exit(main())
