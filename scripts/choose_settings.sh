#!/usr/bin/env bash
# Choose the demo's settings on validation images: the same number of trials for each method, with and without MAO.
#   bash scripts/choose_settings.sh [--methods ...] [--datasets ...] [--trials N] [--seeds ...] [--dry-run] [KEY VALUE ...]
# --help lists all options. A second call goes on where the first one stopped; the table of all trials is written into
# output/tuning (settings.md, settings.csv). All methods take about 80 minutes of one core. On two cores these take 40:
#   bash scripts/choose_settings.sh --methods CoOp CoOp_MAO MaPLe_MAO DATALOADER.NUM_WORKERS 0 &
#   bash scripts/choose_settings.sh --methods MaPLe PromptSRC PromptSRC_MAO DATALOADER.NUM_WORKERS 0
#   wait; bash scripts/choose_settings.sh
set -euo pipefail
source "$(dirname "$0")/setup.sh"
exec "$PYTHON" -m experiments.tuning "$@"
