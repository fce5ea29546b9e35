#!/usr/bin/env bash
# Run the tests of the plug-in, of the drop-in and of the engine on older PyTorch, each in an environment of its own.
#
#   bash scripts/torch_matrix.sh                 torch 2.4.1, the oldest that is supported
#   TORCH="2.4.1 2.6.0" bash scripts/torch_matrix.sh
#   KEEP=1 bash scripts/torch_matrix.sh          leaves the environments (.venv-torch-*, 5 to 6 GB each)
#
# The newest PyTorch is tested by scripts/test.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

torchvision_of() { # TORCH: the torchvision that belongs to it
    case "$1" in
        2.4.0 | 2.4.1) echo 0.19.1 ;;
        2.5.*) echo 0.20.1 ;;
        2.6.*) echo 0.21.0 ;;
        2.7.*) echo 0.22.1 ;;
        *) echo "error: TORCH=$1 is not in this script's list: add its torchvision" >&2; exit 2 ;;
    esac
}

source scripts/interpreter.sh
PYTHON=${PYTHON:-python3}
check_interpreter
for version in ${TORCH:-2.4.1}; do
    torchvision=$(torchvision_of "$version")
    environment=.venv-torch-$version
    if [ ! -x "$environment/bin/python" ]; then
        [ -n "${KEEP:-}" ] || trap 'rm -rf .venv-torch-*' EXIT
        "$PYTHON" -m venv "$environment"
        echo "Installing torch $version into $environment; this takes some minutes ..."
        # transformers 4.49 is the last that sentence-transformers can use with torch 2.4.
        "$environment/bin/python" -m pip install --quiet --disable-pip-version-check "torch==$version" \
            "torchvision==$torchvision" "transformers==4.49.*" "sentence-transformers<4" -r requirements.txt \
            "pytest>=8.0"
    fi
    echo "torch $version:"
    OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} "$environment/bin/python" -m pytest -q tests/trainers/mao tests/drop_in tests/compat
done
