#!/usr/bin/env bash
# Test the KgCoOp of base2new_train.sh on the new classes.
#   bash scripts/kgcoop/base2new_test.sh DATASET SEED [KEY VALUE ...]
set -euo pipefail
source "$(dirname "$0")/../environment.sh"
exec "$PYTHON" -m experiments.run --trainer KgCoOp "$0" "$@"
