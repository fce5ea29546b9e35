#!/usr/bin/env bash
# MAO from base to new: step 1, test on base, test on new with the prompts of step 1, step 2, test on new.
#   bash scripts/mao/base2new.sh TRAINER DATASET SEED [KEY VALUE ...]         for example CoOp_MAO pictograms 1
# TRAINER CoOp+step2 is the control: the plain backbone and its test on new, then step 2 from its prompts.
set -euo pipefail
source "$(dirname "$0")/../environment.sh"
exec "$PYTHON" -m experiments.run "$0" "$@"
