#!/usr/bin/env bash
# Run the tests: bash scripts/test.sh [arguments of pytest]
# JOBS in the environment: how many processes share the files of tests (2); 0 for one process, as --pdb needs it.
set -euo pipefail
REQUIREMENTS=requirements-test.txt
source "$(dirname "$0")/setup.sh"
# One thread each: processes whose threads wait for each other take many times longer.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
exec "$PYTHON" -m pytest -q -n "${JOBS:-2}" --dist loadfile "$@"
