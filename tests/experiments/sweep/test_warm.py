"""Jobs that are forked from a warm process: what train.py does, each for itself, and ended with the sweep."""
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sweep_tools import command, environment, records, small_setting

from experiments.sweep import warm

WORDS = "table1 --demo --methods CoOp --seeds 1"


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return small_setting(tmp_path_factory.mktemp("clip"))


def run_warm(repository, folder, calls):
    """Hand lists of words to ``warm.run_train`` in one process; its outcomes as printed."""
    program = f"from experiments.sweep import warm\nfor words in {calls!r}: print(*warm.run_train(*words)[:2])"
    done = subprocess.run([sys.executable, "-c", program], cwd=repository, env=environment(folder), capture_output=True,
                          text=True, timeout=200, check=True)
    return done.stdout.splitlines()


def words_of_train(pairs, folder):
    return ["--root", os.environ["BUNDLED_ROOT"], "--seed", "1", "--trainer", "CoOp_MAO",
            "--dataset-config-file", "configs/datasets/pictograms.yaml", "--config-file",
            "configs/trainers/CoOp_MAO/mini.yaml", "--output-dir", str(folder), *pairs]


def test_job_does_what_train_py_does(repository, pairs, tmp_path):
    fresh, forked = words_of_train(pairs, tmp_path / "fresh" / "a"), words_of_train(pairs, tmp_path / "forked" / "a")
    log = tmp_path / "logs" / "a.txt"
    subprocess.run([sys.executable, "train.py", *fresh], cwd=repository, env=environment(tmp_path / "out"), check=True,
                   capture_output=True)
    assert run_warm(repository, tmp_path / "out", [(forked, str(log))])[-1].startswith("0 [")
    assert records(tmp_path / "forked") == records(tmp_path / "fresh")
    assert "dassl: bundled engine (compat/dassl); DASSL_ENGINE asks for it\n" in log.read_text()


def test_exit_codes_and_ends_of_logs_are_each_job_s_own(repository, tmp_path):
    log = str(tmp_path / "logs" / "a.txt")
    calls = [(["--trainer", name, "--dataset-config-file", "configs/datasets/pictograms.yaml"], log)
             for name in ("CoOop", "MaPPLe")]
    first, second = run_warm(repository, tmp_path / "out", calls)
    assert first.startswith("2 [") and "'CoOop'" in first
    assert second.startswith("2 [") and "'MaPPLe'" in second and "'CoOop'" not in second
    assert Path(log).read_text().count("error: ") == 2


def test_nothing_is_forked_where_there_is_a_gpu(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert not warm.is_safe()


# The end of a sweep

def jobs_in_work(folder):
    """Ids of the processes whose output goes to a log in a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/fd/1"):
        try:
            if os.readlink(path).startswith(str(folder / "logs")):
                found.append(int(path.parts[2]))
        except OSError:
            continue
    return found


def wait_for(condition, seconds=100):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing came of it in time"
        time.sleep(0.05)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_job_ends_with_its_sweep(repository, pairs, tmp_path, number, code):
    folder = tmp_path / "out"
    process = subprocess.Popen(command(WORDS, [*pairs, "OPTIM.MAX_EPOCH", "400"]), cwd=repository, text=True,
                               env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(lambda: process.poll() is not None or any("epoch [2/400]" in log.read_text()
                                                       for log in folder.glob("logs/*.txt")))
    assert jobs_in_work(folder)
    process.send_signal(number)
    wait_for(lambda: not jobs_in_work(folder), 20)
    _, err = process.communicate(timeout=20)
    assert process.returncode == code and "Traceback" not in err
    assert number == signal.SIGKILL or "the same command goes on" in err
