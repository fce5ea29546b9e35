# Where the scripts for single runs work and with which Python; they source this. PYTHON in the environment names another
# interpreter than .venv's (else python3); experiments/run.py lists the other settings. Relative paths are relative to
# the repository.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
source scripts/interpreter.sh
if [ -z "${PYTHON:-}" ]; then
    PYTHON=python3
    [ ! -x .venv/bin/python ] || PYTHON=.venv/bin/python
fi
check_interpreter
