#!/usr/bin/env bash
# Step 1 of MAO: train on the base classes of a data set and test on them.
#   bash scripts/mao/base2new_step1.sh TRAINER DATASET SEED [KEY VALUE ...]   for example CoOp_MAO pictograms 1
set -euo pipefail
source "$(dirname "$0")/../environment.sh"
exec "$PYTHON" -m experiments.run "$0" "$@"
