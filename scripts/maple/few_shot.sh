#!/usr/bin/env bash
# Train and test MaPLe on all classes of a data set, with 1, 2, 4, 8 and 16 images a class.
#   bash scripts/maple/few_shot.sh DATASET SEED
set -euo pipefail
source "$(dirname "$0")/../defaults.sh"
usage 2 "DATASET SEED" "$@"
few_shot MaPLe "$@"
