#!/usr/bin/env bash
# Train PromptSRC on the base classes of a data set and test it on them: bash scripts/promptsrc/base2new_train.sh DATASET SEED
set -euo pipefail
source "$(dirname "$0")/../defaults.sh"
usage 2 "DATASET SEED" "$@"
train PromptSRC "$1" "$2" "$(config_name PromptSRC "$1")" "$(run_folder train_base PromptSRC "$1" "$2")" \
    DATASET.NUM_SHOTS "$SHOTS" DATASET.SUBSAMPLE_CLASSES base "${@:3}"
