#!/usr/bin/env bash
# Fit and test LinearProbe on all classes of a data set, with 1, 2, 4, 8 and 16 images per class.
#   bash scripts/linearprobe/few_shot.sh DATASET SEED [KEY VALUE ...]
set -euo pipefail
source "$(dirname "$0")/../environment.sh"
exec "$PYTHON" -m experiments.run --trainer LinearProbe "$0" "$@"
