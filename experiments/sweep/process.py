"""Runs one job as a process of its own with a log, so that a crash, or a lack of memory, ends that job alone.

Needs nothing but the standard library: the Ray engine sends this module to other machines as it is.
"""
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

TAIL = 12  # lines of a log that are shown when a job fails
SECONDS_TO_STOP = 10


class Outcome(NamedTuple):
    """What came of a job: its exit code (None: it was not run), the last lines of its log, and its seconds."""

    code: int | None
    lines: list[str]
    seconds: float


Wait = Callable[[float], int | None]
"""Waits for a process for some seconds at most; its exit code, or None if it has not ended."""


def run_command(command: list[str], log: str, environment: dict[str, str], cwd: str) -> Outcome:
    """Run a command until it ends; what it prints is appended to the file ``log``.

    If this process is interrupted, the command is stopped before the exception goes on; if it is killed, the command
    is killed with it (on Linux), so that it can be run again elsewhere.
    """
    def start() -> tuple[int, Wait]:
        with open(log, "ab") as file:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                                       cwd=cwd, env={**os.environ, **environment}, start_new_session=True,
                                       preexec_fn=die_with_parent())

        def wait(seconds: float) -> int | None:
            try:
                return process.wait(seconds)
            except subprocess.TimeoutExpired:
                return None

        return process.pid, wait

    return follow(start, log)


def follow(start: Callable[[], tuple[int, Wait]], log: str) -> Outcome:
    """Start a process and stay with it to its end.

    Args:
        start: starts it, as the leader of a group of processes; returns its id and how to wait for it.
        log: the file that it appends to.
    """
    begin = time.perf_counter()
    os.makedirs(os.path.dirname(log), exist_ok=True)
    size = os.path.getsize(log) if os.path.exists(log) else 0
    pid, wait = start()
    try:
        code = None
        while code is None:  # in short waits: Ray's way to interrupt a task does not end a system call
            code = wait(0.5)
    except BaseException:
        stop(pid, wait)
        raise
    with open(log, "rb") as file:
        file.seek(size)
        lines = file.read().decode(errors="replace").splitlines()[-TAIL:]
    return Outcome(code, lines, time.perf_counter() - begin)


def die_with_parent() -> Callable[[], None] | None:
    """A function that makes the process that calls it end when its parent, this process, does; None if not on Linux."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def ask_the_kernel() -> None:
        libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:  # it has died in between
            os._exit(1)

    return ask_the_kernel


def stop(pid: int, wait: Wait) -> None:
    """End a process and the processes it started: politely, then for good."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            return
        if wait(SECONDS_TO_STOP) is not None:
            return
