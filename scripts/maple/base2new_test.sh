#!/usr/bin/env bash
# Test a MaPLe of base2new_train.sh on the new classes: bash scripts/maple/base2new_test.sh DATASET SEED
set -euo pipefail
source "$(dirname "$0")/../defaults.sh"
usage 2 "DATASET SEED" "$@"
train MaPLe "$1" "$2" "$(config_name MaPLe "$1")" "$(run_folder test_new MaPLe "$1" "$2")" \
    --model-dir "$(run_folder train_base MaPLe "$1" "$2")" --eval-only \
    DATASET.NUM_SHOTS "$SHOTS" DATASET.SUBSAMPLE_CLASSES new "${@:3}"
