#!/usr/bin/env bash
# Zero-shot CLIP, CoOp, CoOp_MAO and the control CoOp+step2 (step 2 of MAO behind plain CoOp) from base to new classes on
# the bundled data, with a table and a chart at the end.
#
#   bash scripts/quickstart.sh            three seeds; about five minutes on two cores, after installation
#   bash scripts/quickstart.sh --all      MaPLe and PromptSRC with and without MAO, and their controls, too
#   bash scripts/quickstart.sh --short    one seed, two epochs: shows that everything works, not what it can do
#
# A second call goes on where the first one stopped. PYTHON=... in the environment uses an environment of your own.
set -euo pipefail
source "$(dirname "$0")/setup.sh"
exec "$PYTHON" -m experiments.sweep quickstart "$@"
