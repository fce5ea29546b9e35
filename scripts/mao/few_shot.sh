#!/usr/bin/env bash
# Train and test a trainer with MAO (step 1) on all classes of a data set, with 1, 2, 4, 8 and 16 images per class.
#   bash scripts/mao/few_shot.sh TRAINER DATASET SEED [KEY VALUE ...]
set -euo pipefail
source "$(dirname "$0")/../environment.sh"
exec "$PYTHON" -m experiments.run "$0" "$@"
