#!/usr/bin/env bash
# Cross-data set: Table II of the paper.
#   bash scripts/reproduce/table2.sh [--demo] [--dry-run] [--engine none|ray] [--jobs N] [...] [KEY VALUE ...]
# --help lists all options; docs/reproduce.md says what it needs. A second call goes on where the first one stopped.
set -euo pipefail
source "$(dirname "$0")/setup.sh"
exec "$PYTHON" -m experiments.sweep table2 "$@"
