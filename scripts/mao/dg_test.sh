#!/usr/bin/env bash
# Test the prompts of xd_train.sh, as they are, on the variants of SOURCE that TARGETS names.
#   bash scripts/mao/dg_test.sh TRAINER SEED
set -euo pipefail
source "$(dirname "$0")/../defaults.sh"
usage 2 "TRAINER SEED" "$@"
dg_test "$@"
