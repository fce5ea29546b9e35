"""Put MAO into a repository of the CoOp family, or take it out: python scripts/drop_in.py --help"""
import sys

import repository  # noqa: F401  before the repository's packages

from drop_in.__main__ import main

sys.exit(main())
