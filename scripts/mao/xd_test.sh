#!/usr/bin/env bash
# Test the prompts of xd_train.sh, as they are, on another data set.
#   bash scripts/mao/xd_test.sh TRAINER DATASET SEED
set -euo pipefail
source "$(dirname "$0")/../defaults.sh"
usage 3 "TRAINER DATASET SEED" "$@"
xd_test "$@"
