#!/usr/bin/env bash
# Test a PromptSRC of base2new_train.sh on the new classes: bash scripts/promptsrc/base2new_test.sh DATASET SEED
set -euo pipefail
source "$(dirname "$0")/../defaults.sh"
usage 2 "DATASET SEED" "$@"
train PromptSRC "$1" "$2" "$(config_name PromptSRC "$1")" "$(run_folder test_new PromptSRC "$1" "$2")" \
    --model-dir "$(run_folder train_base PromptSRC "$1" "$2")" --eval-only \
    DATASET.NUM_SHOTS "$SHOTS" DATASET.SUBSAMPLE_CLASSES new "${@:3}"
