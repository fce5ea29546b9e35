"""Shared test set-up: import path, the bundled engine, the folder of recorded numbers."""
import os
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))
sys.path.insert(0, str(REPOSITORY / "compat"))  # tests run on the bundled engine, whatever is installed

GOLDEN_DIR = Path(os.environ.get("GOLDEN_DIR", REPOSITORY / "tests" / "golden"))


@pytest.fixture(scope="session")
def golden_dir():
    """Folder of the recordings; GOLDEN_DIR in the environment points the same tests at other recordings."""
    return GOLDEN_DIR


@pytest.fixture(scope="session")
def repository():
    return REPOSITORY
