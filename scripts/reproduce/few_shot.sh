#!/usr/bin/env bash
# Few-shot: all classes, 1 to 16 images a class.
#   bash scripts/reproduce/few_shot.sh [--demo] [--dry-run] [--engine none|ray] [--jobs N] [...] [KEY VALUE ...]
# --help lists all options; docs/reproduce.md says what it needs. A second call goes on where the first one stopped.
set -euo pipefail
source "$(dirname "$0")/setup.sh"
exec "$PYTHON" -m experiments.sweep few_shot "$@"
