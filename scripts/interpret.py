"""Say which words the learned vectors of a run lie next to: python scripts/interpret.py --help"""
import sys

import repository  # noqa: F401  before the repository's packages

from predict.interpret_command import main

sys.exit(main())
