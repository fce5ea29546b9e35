#!/usr/bin/env bash
# Domain generalisation: prompts trained on ImageNet, tested on its variants.
#   bash scripts/reproduce/domain_generalization.sh [--demo] [--dry-run] [--engine none|ray] [--jobs N] [...] [KEY VALUE ...]
# --help lists all options; docs/reproduce.md says what it needs. A second call goes on where the first one stopped.
set -euo pipefail
source "$(dirname "$0")/setup.sh"
exec "$PYTHON" -m experiments.sweep domain_generalization "$@"
