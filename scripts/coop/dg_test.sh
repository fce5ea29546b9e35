#!/usr/bin/env bash
# Test the prompts of xd_train.sh, as they are, on the variants of SOURCE that TARGETS names.
#   bash scripts/coop/dg_test.sh SEED
set -euo pipefail
source "$(dirname "$0")/../defaults.sh"
usage 1 "SEED" "$@"
dg_test CoOp "$@"
