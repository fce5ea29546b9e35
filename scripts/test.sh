#!/usr/bin/env bash
# Run the tests: bash scripts/test.sh [arguments of pytest]
set -euo pipefail
REQUIREMENTS=requirements-test.txt
source "$(dirname "$0")/setup.sh"
exec "$PYTHON" -m pytest -q "$@"
