#!/usr/bin/env bash
# Train MaPLe on all classes of SOURCE (imagenet), for tests on other data sets.
#   bash scripts/maple/xd_train.sh SEED
set -euo pipefail
source "$(dirname "$0")/../defaults.sh"
usage 1 "SEED" "$@"
xd_train MaPLe "$@"
