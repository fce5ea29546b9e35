#!/usr/bin/env bash
# MAO from base to new: step 1, test on base, test on new with the prompts of step 1, step 2, test on new.
#   bash scripts/mao/base2new.sh TRAINER DATASET SEED              for example CoOp_MAO pictograms 1
set -euo pipefail
folder=$(cd "$(dirname "$0")" && pwd)
for part in base2new_step1 base2new_test base2new_step2; do
    bash "$folder/$part.sh" "$@"
done
