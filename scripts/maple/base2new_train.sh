#!/usr/bin/env bash
# Train MaPLe on the base classes of a data set and test it on them: bash scripts/maple/base2new_train.sh DATASET SEED
set -euo pipefail
source "$(dirname "$0")/../defaults.sh"
usage 2 "DATASET SEED" "$@"
train MaPLe "$1" "$2" "$(config_name MaPLe "$1")" "$(run_folder train_base MaPLe "$1" "$2")" \
    DATASET.NUM_SHOTS "$SHOTS" DATASET.SUBSAMPLE_CLASSES base "${@:3}"
