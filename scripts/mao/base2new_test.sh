#!/usr/bin/env bash
# Test the prompts of step 1 of MAO, as they are, on the new classes.
#   bash scripts/mao/base2new_test.sh TRAINER DATASET SEED         for example CoOp_MAO pictograms 1
set -euo pipefail
source "$(dirname "$0")/../defaults.sh"
usage 3 "TRAINER DATASET SEED" "$@"
# MAO.STAGE base: the records say that the prompts are those of step 1.
train "$1" "$2" "$3" "$(config_name "$1" "$2")_base" "$(run_folder test_new "$1" "$2" "$3")" \
    --model-dir "$(run_folder train_base "$1" "$2" "$3")" --eval-only \
    DATASET.NUM_SHOTS "$SHOTS" DATASET.SUBSAMPLE_CLASSES new MAO.STAGE base "${@:4}"
