#!/usr/bin/env bash
# Base to new: Table I of the paper.
#   bash scripts/reproduce/table1.sh [--demo] [--dry-run] [--engine none|ray] [--jobs N] [...] [KEY VALUE ...]
#   ... --pseudo-labels base|clip     the other labeller of step 2, in folders of its own
#   ... --methods CoOp CoOp_MAO CoOp+step2     with the control: step 2 behind the plain backbone
# --help lists all options; docs/reproduce.md says what it needs. A second call goes on where the first one stopped.
set -euo pipefail
source "$(dirname "$0")/setup.sh"
exec "$PYTHON" -m experiments.sweep table1 "$@"
