#!/usr/bin/env bash
# Test the prompts of xd_train.sh, as they are, on the variants of SOURCE that TARGETS names.
#   bash scripts/mao/dg_test.sh TRAINER SEED [KEY VALUE ...]
set -euo pipefail
source "$(dirname "$0")/../environment.sh"
exec "$PYTHON" -m experiments.run "$0" "$@"
