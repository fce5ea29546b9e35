#!/usr/bin/env bash
# Train KgCoOp on the base classes of a data set and test it on them.
#   bash scripts/kgcoop/base2new_train.sh DATASET SEED [KEY VALUE ...]
set -euo pipefail
source "$(dirname "$0")/../environment.sh"
exec "$PYTHON" -m experiments.run --trainer KgCoOp "$0" "$@"
