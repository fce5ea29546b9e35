"""Exit with 0 if this Python has everything in the given requirements files, else name what is missing and exit with 1.

    python scripts/check_requirements.py requirements.txt
"""
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def missing_requirements(paths: Iterable[str]) -> list[str]:
    """Lines of requirements files that the installed packages do not meet."""
    from packaging.requirements import Requirement

    missing = []
    for path in paths:
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            line = line.split("#")[0].strip()
            if not line:
                continue
            requirement = Requirement(line)
            try:
                met = requirement.specifier.contains(version(requirement.name), prereleases=True)
            except PackageNotFoundError:
                met = False
            if not met:
                missing.append(line)
    return missing


def main(paths: Sequence[str]) -> int:
    try:
        missing = missing_requirements(paths)
    except ImportError:  # packaging comes with the requirements
        missing = ["packaging"]
    if missing:
        print("missing: " + ", ".join(missing))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
