#!/usr/bin/env bash
# Check style, format and types, as the tests' machine does before it runs them: bash scripts/lint.sh
# The settings of the three tools are in pyproject.toml. `ruff check --fix .` and `autopep8 -i -r FOLDER` mend what they can.
set -euo pipefail
REQUIREMENTS=requirements-test.txt
source "$(dirname "$0")/setup.sh"
"$PYTHON" -m ruff check .
"$PYTHON" -m autopep8 --diff --exit-code --recursive -- *.py */ # not ".": what is excluded begins with tests/, not ./
"$PYTHON" -m mypy
