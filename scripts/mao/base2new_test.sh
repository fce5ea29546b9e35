#!/usr/bin/env bash
# Test the prompts of step 1 of MAO, as they are, on the new classes.
#   bash scripts/mao/base2new_test.sh TRAINER DATASET SEED [KEY VALUE ...]    for example CoOp_MAO pictograms 1
set -euo pipefail
source "$(dirname "$0")/../environment.sh"
exec "$PYTHON" -m experiments.run "$0" "$@"
