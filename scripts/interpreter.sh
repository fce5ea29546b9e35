# Whether PYTHON of the environment can be used; the scripts that set up an environment or use one source this.

fail() {
    echo "error: $*" >&2
    exit 2
}

is_recent() { # INTERPRETER: whether it is Python >= 3.10
    [ "$("$1" -c 'import sys; print(sys.version_info >= (3, 10))' 2>/dev/null </dev/null)" = True ]
}

check_interpreter() {
    command -v "$PYTHON" >/dev/null || fail "PYTHON=$PYTHON is not an interpreter: give the path of one"
    is_recent "$PYTHON" || fail "PYTHON=$PYTHON is no Python, or is older than 3.10: give a newer one"
}
