#!/usr/bin/env bash
# Test the prompts of xd_train.sh, as they are, on the variants of SOURCE that TARGETS names.
#   bash scripts/kgcoop/dg_test.sh SEED [KEY VALUE ...]
set -euo pipefail
source "$(dirname "$0")/../environment.sh"
exec "$PYTHON" -m experiments.run --trainer KgCoOp "$0" "$@"
