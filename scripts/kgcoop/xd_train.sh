#!/usr/bin/env bash
# Train KgCoOp on all classes of SOURCE (imagenet), for tests on other data sets.
#   bash scripts/kgcoop/xd_train.sh SEED [KEY VALUE ...]
set -euo pipefail
source "$(dirname "$0")/../environment.sh"
exec "$PYTHON" -m experiments.run --trainer KgCoOp "$0" "$@"
