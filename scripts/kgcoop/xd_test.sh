#!/usr/bin/env bash
# Test the prompts of xd_train.sh, as they are, on another data set.
#   bash scripts/kgcoop/xd_test.sh DATASET SEED [KEY VALUE ...]
set -euo pipefail
source "$(dirname "$0")/../environment.sh"
exec "$PYTHON" -m experiments.run --trainer KgCoOp "$0" "$@"
