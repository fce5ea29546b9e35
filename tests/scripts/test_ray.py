"""Sweeps on a real local Ray: a worker that is killed, a caller that is killed or interrupted."""
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from sweep_tools import command, environment, records, small_setting, sweep

pytest.importorskip("ray", reason="--engine ray needs the package ray (requirements-ray.txt)")

WORDS = "table1 --demo --methods CoOp_MAO --seeds 1 2"
RAY = " --engine ray --jobs 2"


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return [*small_setting(tmp_path_factory.mktemp("clip")), "OPTIM.MAX_EPOCH", "6"]


@pytest.fixture(scope="module")
def undisturbed(repository, pairs, tmp_path_factory):
    """Records of the sweep, run one job after another."""
    folder = tmp_path_factory.mktemp("undisturbed") / "out"
    done = sweep(repository, folder, WORDS, pairs)
    assert done.returncode == 0, done.stderr
    return records(folder)


def start(repository, folder, pairs):
    return subprocess.Popen(command(WORDS + RAY, pairs), cwd=repository, env=environment(folder), text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def jobs_in_work(folder):
    """{process id of a job: that of the worker that runs it}."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().decode().split("\0")
            parent = int((path / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError):
            continue
        if "train.py" in words and any(word.startswith(str(folder)) for word in words):
            found[int(path.name)] = parent
    return found


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("nothing came of it in time")


def wait_for_training(folder):
    """Wait until a job is in the middle of its training."""
    wait_for(lambda: any("epoch [2/6]" in path.read_text() for path in Path(folder).rglob("log.txt")))
    return wait_for(lambda: jobs_in_work(folder))


def test_killed_worker_is_replaced(repository, pairs, undisturbed, tmp_path):
    folder = tmp_path / "out"
    sweep_process = start(repository, folder, pairs)
    in_work = wait_for_training(folder)
    job, worker = next(iter(in_work.items()))
    assert worker != sweep_process.pid
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: job not in jobs_in_work(folder), 10)  # the job ends with its worker, so it can be run again
    out, err = sweep_process.communicate(timeout=200)
    assert sweep_process.returncode == 0, err
    assert "6 jobs: 0 done, 0 resumed, 6 to run" in out and "failed" not in out
    logs = [path.read_text() for path in (folder / "logs").iterdir()]
    assert len(logs) == 6 and sum("resuming from epoch" in log for log in logs) == 1
    assert records(folder) == undisturbed


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_stopped_sweep_leaves_nothing_behind_and_goes_on(repository, pairs, undisturbed, tmp_path, number):
    folder = tmp_path / "out"
    sweep_process = start(repository, folder, pairs)
    wait_for_training(folder)
    sweep_process.send_signal(number)
    _, err = sweep_process.communicate(timeout=60)
    assert sweep_process.returncode == (130 if number == signal.SIGINT else -number)
    assert "Traceback" not in err
    wait_for(lambda: not jobs_in_work(folder), 15)
    again = sweep(repository, folder, WORDS + RAY, pairs)
    assert again.returncode == 0, again.stderr
    assert " resumed, " in again.stdout and not again.stdout.startswith("6 jobs: 0 done, 0 resumed")
    assert records(folder) == undisturbed


def test_bad_words_for_ray(repository, pairs, tmp_path):
    for words, part in ((WORDS + RAY + " --gpus 99", "--gpus 99"),
                        (WORDS + " --engine ray --address 127.0.0.1:1", "--address '127.0.0.1:1'")):
        done = sweep(repository, tmp_path / "out", words, pairs)
        assert done.returncode == 2 and "Traceback" not in done.stderr
        (sentence,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        assert part in sentence
