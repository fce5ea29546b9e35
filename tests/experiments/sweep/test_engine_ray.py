"""Sweeps on a real local Ray: a worker that is killed, a caller that is killed or interrupted."""
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from sweep_tools import command, environment, records, small_setting, sweep

from compat.errors import UserError
from experiments.sweep import engine_ray

ray = pytest.importorskip("ray", reason="--engine ray needs the package ray (requirements-ray.txt)")

WORDS = "table1 --demo --methods CoOp --seeds 1 2"  # two trainings, and a test that needs each
RAY = " --engine ray --jobs 2"


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return [*small_setting(tmp_path_factory.mktemp("clip")), "OPTIM.MAX_EPOCH", "20",
            "DATALOADER.TRAIN_X.BATCH_SIZE", "4"]


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
    """Wait until a job is in the middle of its training; (its process id, that of its worker)."""
    def job_in_training():
        for log in Path(folder).rglob("log.txt"):
            if "epoch [2/20]" in log.read_text():
                in_work = jobs_in_work(log.parent)
                if in_work:
                    return next(iter(in_work.items()))
        return None

    return wait_for(job_in_training)


def test_killed_worker_is_replaced(repository, pairs, undisturbed, tmp_path):
    folder = tmp_path / "out"
    sweep_process = start(repository, folder, pairs)
    job, worker = wait_for_training(folder)
    assert worker != sweep_process.pid
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: job not in jobs_in_work(folder), 10)  # the job ends with its worker, so it can be run again
    out, err = sweep_process.communicate(timeout=200)
    assert sweep_process.returncode == 0, err
    assert "4 jobs: 0 done, 0 resumed, 4 to run" in out and ": failed" not in out
    logs = [path.read_text() for path in (folder / "logs").iterdir()]
    assert len(logs) == 4 and sum("resuming from epoch" in log for log in logs) == 1
    assert records(folder) == undisturbed


def test_sweep_that_is_killed_leaves_nothing_behind_and_goes_on(repository, pairs, undisturbed, tmp_path):
    folder = tmp_path / "out"
    sweep_process = start(repository, folder, pairs)
    wait_for_training(folder)
    sweep_process.kill()
    sweep_process.communicate(timeout=60)
    wait_for(lambda: not jobs_in_work(folder), 60)  # Ray's processes notice after a while; a job may end until then
    again = sweep(repository, folder, WORDS + RAY, pairs)
    assert again.returncode == 0, again.stderr
    done, resumed, to_run = map(int, re.match(r"4 jobs: (\d) done, (\d) resumed, (\d) to run", again.stdout).groups())
    assert done < 4 and done + resumed + to_run == 4
    assert records(folder) == undisturbed


def test_interrupted_sweep_stops_its_jobs(repository, pairs, tmp_path):
    folder = tmp_path / "out"
    sweep_process = start(repository, folder, pairs)
    wait_for_training(folder)
    sweep_process.send_signal(signal.SIGINT)
    _, err = sweep_process.communicate(timeout=60)
    assert sweep_process.returncode == 130
    assert "Traceback" not in err and "the same command goes on" in err
    wait_for(lambda: not jobs_in_work(folder), 15)


def test_address_where_nobody_answers():
    for address in ("127.0.0.1:1", "ray://127.0.0.1:1"):
        with pytest.raises(UserError, match=f"--address '{address}': no Ray cluster answers"):
            engine_ray.connect(ray, address, 0, 1.0, 0.0)


def test_more_gpus_than_there_are():
    with pytest.raises(UserError, match="--gpus 99: this machine has"):
        engine_ray.connect(ray, "", 1, 1.0, 99.0)
    assert not ray.is_initialized()
