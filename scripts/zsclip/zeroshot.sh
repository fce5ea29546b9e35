#!/usr/bin/env bash
# Test zero-shot CLIP: bash scripts/zsclip/zeroshot.sh DATASET [all|base|new]
# SEED in the environment (1) only names the record: nothing is random here.
set -euo pipefail
source "$(dirname "$0")/../defaults.sh"
usage 1 "DATASET [all|base|new]" "$@"
classes=${2:-all}
cfg=$(config_name ZeroshotCLIP "$1")
train ZeroshotCLIP "$1" "${SEED:-1}" "$cfg" "$OUTPUT/zeroshot/$1/ZeroshotCLIP/$cfg/$classes/seed${SEED:-1}" \
    DATASET.SUBSAMPLE_CLASSES "$classes" "${@:3}"
