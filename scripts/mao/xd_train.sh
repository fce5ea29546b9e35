#!/usr/bin/env bash
# Train a trainer with MAO (step 1) on all classes of SOURCE (imagenet), for tests on other data sets.
#   bash scripts/mao/xd_train.sh TRAINER SEED [KEY VALUE ...]
set -euo pipefail
source "$(dirname "$0")/../environment.sh"
exec "$PYTHON" -m experiments.run "$0" "$@"
