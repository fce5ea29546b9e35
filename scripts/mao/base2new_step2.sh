#!/usr/bin/env bash
# Step 2 of MAO: train on unlabelled images of the new classes, from the prompts of step 1, and test on the new classes.
#   bash scripts/mao/base2new_step2.sh TRAINER DATASET SEED [KEY VALUE ...]   for example CoOp_MAO pictograms 1
set -euo pipefail
source "$(dirname "$0")/../environment.sh"
exec "$PYTHON" -m experiments.run "$0" "$@"
