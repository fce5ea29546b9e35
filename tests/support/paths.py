"""Where the repository and the recordings of the original implementations lie."""
import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
IMPORT_PATH = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "compat")])  # PYTHONPATH of a test's own processes
GOLDEN_DIR = Path(os.environ.get("GOLDEN_DIR", REPOSITORY / "tests" / "golden"))
