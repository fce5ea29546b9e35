#!/usr/bin/env bash
# Ablations: each part of MAO switched, step 1 only, step 2 only (behind the plain backbone), hyper-parameters varied.
#   bash scripts/reproduce/ablation.sh [--demo] [--dry-run] [--engine none|ray] [--jobs N] [...] [KEY VALUE ...]
# --help lists all options; docs/reproduce.md says what it needs. A second call goes on where the first one stopped.
set -euo pipefail
source "$(dirname "$0")/setup.sh"
exec "$PYTHON" -m experiments.sweep ablation "$@"
