"""scripts/setup.sh: what it does where an environment is missing, incomplete, complete or the user's own.

No environment is made and nothing is installed here: the interpreter in front of the real one notes what it is asked
for, "makes" .venv by writing itself there, and "installs" by putting down the name of a package.
"""
import shutil
import subprocess
import sys

import pytest

INTERPRETER = """#!/bin/bash
# stands for python
case "$*" in
    "-m venv"*) echo "venv" >> {here}/calls; mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;
    "-m pip install"*) echo "$*" >> {here}/calls; {install} ;;
    "-m pip"*) ;;
    *"import torch"*) exit 1 ;;
    scripts/check_requirements.py*) PYTHONPATH={here}/packages exec {python} "$@" ;;
    *) exec {python} "$@" ;;
esac
"""


@pytest.fixture
def clone(tmp_path, repository):
    """A folder with the scripts, and a requirement that is not installed."""
    clone = tmp_path / "clone"
    (clone / "scripts").mkdir(parents=True)
    for name in ("setup.sh", "interpreter.sh", "check_requirements.py"):
        shutil.copy(repository / "scripts" / name, clone / "scripts")
    (clone / "requirements.txt").write_text("# what it needs\npip>=1  # is there\nsurely-not-installed>=2\n")
    return clone


def run_setup(clone, install=None, **environment):
    """Run setup.sh; ``install`` is what the stand-in for pip does. Returns (completed process, calls)."""
    here = clone.parent
    metadata = here / "packages" / "surely_not_installed-2.1.dist-info"
    install = install or (f"mkdir -p {metadata}; "
                          f"printf 'Name: surely-not-installed\\nVersion: 2.1\\n' > {metadata}/METADATA")
    (here / "bin").mkdir(exist_ok=True)
    (here / "bin" / "python3").write_text(INTERPRETER.format(here=here, python=sys.executable, install=install))
    (here / "bin" / "python3").chmod(0o755)
    run = subprocess.run(["bash", str(clone / "scripts" / "setup.sh")], capture_output=True, text=True, cwd=here,
                         env={"PATH": f"{here / 'bin'}:/usr/bin:/bin", **environment})
    calls = here / "calls"
    return run, calls.read_text().splitlines() if calls.exists() else []


def test_makes_an_environment_and_installs_once(clone):
    run, calls = run_setup(clone)
    assert run.returncode == 0, run.stderr
    assert "Installing requirements.txt" in run.stdout
    assert run.stdout.splitlines()[-1].startswith("Ready: .venv/bin/python")
    assert calls[0] == "venv" and len(calls) == 2 and calls[1].endswith("-rrequirements.txt")
    run, again = run_setup(clone)
    assert run.returncode == 0 and again == calls
    assert "Installing" not in run.stdout


def test_completes_an_environment_in_which_something_is_missing(clone):
    run_setup(clone)
    (clone / "requirements-test.txt").write_text("surely-not-installed>=3\n")
    run, calls = run_setup(clone, REQUIREMENTS="requirements-test.txt")
    assert run.returncode == 0 and calls.count("venv") == 1
    assert calls[-1].endswith("-rrequirements.txt -rrequirements-test.txt")


def test_failed_installation_is_said(clone):
    run, _ = run_setup(clone, install="exit 1")
    assert run.returncode == 2
    assert run.stderr.splitlines()[-1].startswith("error: pip could not install requirements.txt")


def test_own_environment_is_checked_and_left_alone(clone):
    run, calls = run_setup(clone, PYTHON="python3")
    assert run.returncode == 2 and calls == []
    assert "surely-not-installed>=2" in run.stderr and "pip>=1" not in run.stderr
    assert "python3 -m pip install -r requirements.txt" in run.stderr
    run_setup(clone)
    run, calls = run_setup(clone, PYTHON="python3")
    assert run.returncode == 0 and len(calls) == 2  # those of the call before
    assert run.stdout.startswith("Ready: python3")


def test_interpreter_that_is_none(clone):
    run, _ = run_setup(clone, PYTHON="/no/python")
    assert run.returncode == 2
    assert run.stderr == "error: PYTHON=/no/python is not an interpreter: give the path of one\n"
