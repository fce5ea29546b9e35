#!/usr/bin/env bash
# Train and test CoOp on all classes of a data set, with 1, 2, 4, 8 and 16 images per class.
#   bash scripts/coop/few_shot.sh DATASET SEED [KEY VALUE ...]
set -euo pipefail
source "$(dirname "$0")/../environment.sh"
exec "$PYTHON" -m experiments.run --trainer CoOp "$0" "$@"
