#!/usr/bin/env bash
# Test the VPT of base2new_train.sh on the new classes.
#   bash scripts/vpt/base2new_test.sh DATASET SEED [KEY VALUE ...]
set -euo pipefail
source "$(dirname "$0")/../environment.sh"
exec "$PYTHON" -m experiments.run --trainer VPT "$0" "$@"
