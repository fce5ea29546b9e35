#!/usr/bin/env bash
# Test zero-shot CLIP. SEED in the environment (1) only names the record: nothing is random here.
#   bash scripts/zsclip/zeroshot.sh DATASET [all|base|new] [KEY VALUE ...]
set -euo pipefail
source "$(dirname "$0")/../environment.sh"
exec "$PYTHON" -m experiments.run --trainer ZeroshotCLIP "$0" "$@"
