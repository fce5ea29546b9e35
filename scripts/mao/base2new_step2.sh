#!/usr/bin/env bash
# Step 2 of MAO: train on unlabelled images of the new classes, from the prompts of step 1, and test on the new classes.
#   bash scripts/mao/base2new_step2.sh TRAINER DATASET SEED        for example CoOp_MAO pictograms 1
set -euo pipefail
source "$(dirname "$0")/../defaults.sh"
usage 3 "TRAINER DATASET SEED" "$@"
train "$1" "$2" "$3" "$(config_name "$1" "$2")_new" "$(run_folder train_new "$1" "$2" "$3")" \
    DATASET.NUM_SHOTS "$SHOTS" DATASET.SUBSAMPLE_CLASSES new \
    MAO.BASE_DIR "$(run_folder train_base "$1" "$2" "$3")" "${@:4}"
