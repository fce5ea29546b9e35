#!/usr/bin/env bash
# Test the CoCoOp of base2new_train.sh on the new classes.
#   bash scripts/cocoop/base2new_test.sh DATASET SEED [KEY VALUE ...]
set -euo pipefail
source "$(dirname "$0")/../environment.sh"
exec "$PYTHON" -m experiments.run --trainer CoCoOp "$0" "$@"
