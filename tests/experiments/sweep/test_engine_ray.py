"""Sweeps on a real Ray, of the sweep's own or of two nodes that ask for a token: a worker, a node or a caller that is
killed, a caller that is interrupted or refused.
"""
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from packaging.version import Version
from ray_nodes import two_nodes
from sweep_tools import command, environment, records, small_setting, sweep

from compat.errors import UserError
from experiments.sweep import engine_ray, ray_token

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


@pytest.fixture(scope="module")
def cluster():
    if Version(ray.__version__) < Version("2.52"):
        pytest.skip(f"Ray {ray.__version__} has no token authentication")
    with two_nodes() as nodes:
        yield nodes


@pytest.fixture(autouse=True)
def without_settings_of_ray(monkeypatch):
    for name in ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.setenv(name, "")  # so that what a test sets is undone
        monkeypatch.delenv(name)


def start(repository, folder, pairs, cluster=None):
    """Start a sweep on a Ray of its own, or on a cluster with the home that has its token."""
    words = f" --engine ray --address {cluster.address}" if cluster else RAY
    home = cluster.home if cluster else folder.parent
    return subprocess.Popen(command(WORDS + words, pairs), cwd=repository,
                            env={**environment(folder), "HOME": str(home)}, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def jobs_in_work(folder):
    """{process id of a job: that of the worker that runs it}."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().decode().split("\0")
            if "train.py" in words and any(word.startswith(str(folder)) for word in words):
                found[int(path.name)] = parent_of(path.name)
        except (OSError, IndexError):
            continue
    return found


def parent_of(process):
    return int(Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[1])


def wait_for(condition, seconds=240):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("nothing came of it in time")


def wait_for_training(folder, node=None):
    """Wait until a job, of a node if one is given, is in its training; (its process id, that of its worker)."""
    def job_in_training():
        for log in Path(folder).rglob("log.txt"):
            if "epoch [2/20]" in log.read_text():
                for job, worker in jobs_in_work(log.parent).items():
                    if node is None or parent_of(worker) == node:
                        return job, worker
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
    assert not (tmp_path / ".ray").exists()  # its Ray's token is its own
    wait_for(lambda: not jobs_in_work(folder), 60)  # Ray's processes notice after a while; a job may end until then
    again = sweep(repository, folder, WORDS + RAY, pairs)
    assert again.returncode == 0, again.stderr
    done, resumed, to_run = map(int, re.match(r"4 jobs: (\d) done, (\d) resumed, (\d) to run", again.stdout).groups())
    assert done < 4 and done + resumed + to_run == 4
    assert records(folder) == undisturbed


def test_interrupted_sweep_stops_its_jobs(repository, pairs, cluster, tmp_path):
    folder = tmp_path / "out"
    sweep_process = start(repository, folder, pairs, cluster)
    wait_for_training(folder)
    sweep_process.send_signal(signal.SIGINT)
    _, err = sweep_process.communicate(timeout=60)
    assert sweep_process.returncode == 130
    assert "Traceback" not in err and "the same command goes on" in err
    wait_for(lambda: not jobs_in_work(folder), 15)


@pytest.mark.parametrize("settings, sentence", [
    ({"RAY_AUTH_TOKEN": "wrong" * 8}, "refuses the token of RAY_AUTH_TOKEN: "),
    ({"HOME": "/nowhere"}, "there is no token in /nowhere/.ray/auth_token: "),
    ({"RAY_AUTH_MODE": "disabled"}, "asks for a token, but RAY_AUTH_MODE is 'disabled' here: unset it"),
])
def test_cluster_that_refuses(cluster, monkeypatch, capfd, settings, sentence):
    for name, value in {"HOME": str(cluster.home), **settings}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=f"--address '{cluster.address}': .*{sentence}"):
        engine_ray.connect(cluster.address, 0, 1.0, 0.0)
    assert capfd.readouterr() == ("", "")  # nothing of what Ray prints


def test_killed_node_is_replaced(repository, pairs, undisturbed, cluster, tmp_path):
    folder = tmp_path / "out"
    sweep_process = start(repository, folder, pairs, cluster)
    job, worker = wait_for_training(folder, cluster.second)
    for process in (cluster.second, worker):  # a worker alone would go on for seconds
        os.kill(process, signal.SIGKILL)
    wait_for(lambda: job not in jobs_in_work(folder))
    out, err = sweep_process.communicate(timeout=400)
    assert sweep_process.returncode == 0, err
    assert "4 jobs: 0 done, 0 resumed, 4 to run" in out and ": failed" not in out
    logs = [path.read_text() for path in (folder / "logs").iterdir()]
    assert len(logs) == 4 and sum("resuming from epoch" in log for log in logs) == 1
    assert records(folder) == undisturbed


@pytest.mark.parametrize("given, asks_for_token, mode", [
    ("", False, "disabled"), ("", True, "token"), ("Token", False, "token")])
def test_mode_is_that_of_the_cluster(monkeypatch, tmp_path, given, asks_for_token, mode):
    """Also where a token is at hand that a cluster does not ask for."""
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("4f" * 32)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_AUTH_MODE", given)
    monkeypatch.setattr(ray_token, "refuses", lambda address, shown: asks_for_token and shown != "token")
    ray_token.agree_with("10.0.0.1:6379")
    assert os.environ["RAY_AUTH_MODE"] == mode


def test_address_where_nobody_answers():
    for address in ("127.0.0.1:1", "ray://127.0.0.1:1"):
        with pytest.raises(UserError, match=f"--address '{address}': no Ray cluster answers"):
            engine_ray.connect(address, 0, 1.0, 0.0)


def test_more_gpus_than_there_are(monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # Ray is imported already
    with pytest.raises(UserError, match="--gpus 99: this machine has"):
        engine_ray.connect("", 1, 1.0, 99.0)
    assert not ray.is_initialized()
