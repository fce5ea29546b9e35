#!/usr/bin/env bash
# Train and test a trainer with MAO (step 1) on all classes of a data set, with 1, 2, 4, 8 and 16 images a class.
#   bash scripts/mao/few_shot.sh TRAINER DATASET SEED
set -euo pipefail
source "$(dirname "$0")/../defaults.sh"
usage 3 "TRAINER DATASET SEED" "$@"
few_shot "$@"
