#!/usr/bin/env bash
# Test the prompts of xd_train.sh, as they are, on another data set.
#   bash scripts/maple/xd_test.sh DATASET SEED
set -euo pipefail
source "$(dirname "$0")/../defaults.sh"
usage 2 "DATASET SEED" "$@"
xd_test MaPLe "$@"
