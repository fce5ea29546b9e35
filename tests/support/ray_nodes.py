"""A Ray cluster with token authentication on this machine: a head and a second node, with a home of their own."""
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

COMMAND = [sys.executable, "-m", "ray.scripts.scripts", "start", "--num-cpus", "1", "--disable-usage-stats",
           "--object-store-memory", "100000000", "--dashboard-agent-listen-port", "0",
           "--min-worker-port", "0", "--max-worker-port", "0"]
TOKEN = "4f" * 32


class Cluster(NamedTuple):
    """``home``: of who may use it; the token is in its ``.ray``. ``second``: process id of the second node's raylet."""

    address: str
    home: Path
    second: int


@contextlib.contextmanager
def two_nodes():
    """A cluster of one core a node; none of its processes outlives the block."""
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp", ignore_cleanup_errors=True) as folder:  # short: sockets
        home = Path(folder)
        (home / ".ray").mkdir()
        (home / ".ray" / "auth_token").write_text(TOKEN)
        environment = {**os.environ, "HOME": folder, "RAY_AUTH_MODE": "token", "OMP_NUM_THREADS": "1"}
        environment |= {"RAY_health_check_period_ms": "1000", "RAY_health_check_failure_threshold": "3",
                        "RAY_worker_niceness": "0"}  # 15 by default: beside other tests its jobs would hardly go on
        for name in ("RAY_ADDRESS", "DASSL_ENGINE"):  # a node has an environment of its own
            environment.pop(name, None)
        try:
            start(environment, "--head", "--port", "0", "--include-dashboard", "false", "--temp-dir", f"{folder}/ray")
            address = (home / "ray" / "ray_current_cluster").read_text().strip()
            head = raylets(folder)
            start(environment, "--address", address)
            (second,) = raylets(folder) - head
            yield Cluster(address, home, second)
        finally:
            while left := processes(folder):
                for number in left:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(number, signal.SIGKILL)
                time.sleep(0.1)


def start(environment, *options):
    done = subprocess.run([*COMMAND, *options], env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr


def processes(home):
    """Ids of the living processes whose home folder this is."""
    found = set()
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"HOME={home}".encode() in (path / "environ").read_bytes().split(b"\0"):
                found.add(int(path.name))
    return found


def raylets(home):
    """Ids of the processes of a home that lead a node."""
    return {number for number in processes(home)
            if Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")[0].endswith(b"/raylet")}
