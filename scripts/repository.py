"""Makes the packages of this repository importable in the scripts beside this file, wherever they are called from."""
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # in place of this folder
