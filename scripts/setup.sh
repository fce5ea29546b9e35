#!/usr/bin/env bash
# Make the Python environment that the other scripts use: .venv in the repository, with requirements.txt.
#
#   bash scripts/setup.sh                        make .venv, or complete the one that is there
#   PYTHON=python3 bash scripts/quickstart.sh    use an environment of your own; nothing is installed into it
#
# Other scripts source this file; PYTHON is then the interpreter to use, and REQUIREMENTS may name further files.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
source scripts/interpreter.sh
REQUIREMENTS=(requirements.txt ${REQUIREMENTS:-})

find_python() { # prints the first Python >= 3.10
    local candidate
    for candidate in python3 python python3.12 python3.11 python3.10 python3.13; do
        if is_recent "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

make_venv() {
    local base
    base=$(find_python) || fail "no Python >= 3.10 found: install one, or name it with PYTHON=... in the environment"
    if "$base" -c 'import torch' 2>/dev/null; then
        echo "$base has torch already. To use that environment instead of a new one: PYTHON=$base bash ${0}"
    fi
    echo "Making .venv with $("$base" --version) ..."
    "$base" -m venv --clear .venv || fail "$base cannot make a virtual environment: install its venv module" \
        "(on Debian and Ubuntu: apt install python3-venv), or name another Python with PYTHON=... in the environment"
}

use_own_environment() {
    check_interpreter
    local missing
    missing=$("$PYTHON" scripts/check_requirements.py "${REQUIREMENTS[@]}") ||
        fail "PYTHON=$PYTHON: $missing; run $PYTHON -m pip install ${REQUIREMENTS[*]/#/-r }"
}

use_venv() {
    [ -x .venv/bin/python ] && .venv/bin/python -m pip --version >/dev/null 2>&1 || make_venv
    PYTHON=.venv/bin/python
    if ! "$PYTHON" scripts/check_requirements.py "${REQUIREMENTS[@]}" >/dev/null; then
        echo "Installing ${REQUIREMENTS[*]} into .venv; torch is large, this takes some minutes ..."
        "$PYTHON" -m pip install --quiet --disable-pip-version-check ${REQUIREMENTS[@]/#/-r} ||
            fail "pip could not install ${REQUIREMENTS[*]} (see above): check the network and call this script again"
        echo "Installed."
    fi
}

if [ -n "${PYTHON:-}" ]; then
    use_own_environment
else
    use_venv
fi
export PYTHON
if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    echo "Ready: $PYTHON ($("$PYTHON" --version))"
fi
