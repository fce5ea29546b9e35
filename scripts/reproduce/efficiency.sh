#!/usr/bin/env bash
# Learnable parameters, time and memory of each method, also against the number of classes.
#   bash scripts/reproduce/efficiency.sh [--demo] [--dry-run] [--engine none|ray] [--jobs N] [...] [KEY VALUE ...]
# --help lists all options; docs/reproduce.md says what it needs. A second call goes on where the first one stopped.
set -euo pipefail
source "$(dirname "$0")/setup.sh"
exec "$PYTHON" -m experiments.sweep efficiency "$@"
