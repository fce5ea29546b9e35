"""Fixtures that all tests share. The import path is set in pyproject.toml."""
import pytest
from paths import GOLDEN_DIR, REPOSITORY


@pytest.fixture(scope="session")
def golden_dir():
    """Folder of the recordings; GOLDEN_DIR in the environment points the same tests at other recordings."""
    return GOLDEN_DIR


@pytest.fixture(scope="session")
def repository():
    return REPOSITORY
