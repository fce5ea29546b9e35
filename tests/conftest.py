"""Fixtures that all tests share. The import path is set in pyproject.toml."""
import os
import signal
import tempfile

import pytest
from paths import GOLDEN_DIR, REPOSITORY

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started by nohup or with "&": what is ignored stays ignored in child processes, and some tests interrupt theirs.
    signal.signal(signal.SIGINT, signal.default_int_handler)

_CACHE = tempfile.TemporaryDirectory()  # of these tests alone; deleted when they have ended
os.environ["MAO_CACHE"] = _CACHE.name


@pytest.fixture(scope="session")
def golden_dir():
    """Folder of the recordings; GOLDEN_DIR in the environment points the same tests at other recordings."""
    return GOLDEN_DIR


@pytest.fixture(scope="session")
def repository():
    return REPOSITORY


@pytest.fixture(scope="session", autouse=True)
def bundled_root(tmp_path_factory):
    """A data root for what is bundled: unpacked once, for all processes that share the tests; also in BUNDLED_ROOT."""
    base = tmp_path_factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "bundled"
    root.mkdir(exist_ok=True)
    os.environ["BUNDLED_ROOT"] = str(root)
    return root
