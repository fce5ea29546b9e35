#!/usr/bin/env bash
# Step 1 of MAO: train on the base classes of a data set and test on them.
#   bash scripts/mao/base2new_step1.sh TRAINER DATASET SEED        for example CoOp_MAO pictograms 1
set -euo pipefail
source "$(dirname "$0")/../defaults.sh"
usage 3 "TRAINER DATASET SEED" "$@"
train "$1" "$2" "$3" "$(config_name "$1" "$2")_base" "$(run_folder train_base "$1" "$2" "$3")" \
    DATASET.NUM_SHOTS "$SHOTS" DATASET.SUBSAMPLE_CLASSES base "${@:4}"
