"""Runs one job as a subprocess with a log of its own, so that a crash, or a lack of memory, ends that job alone.

Needs nothing but the standard library: an engine sends this module to other machines as it is.
"""
import ctypes
import os
import signal
import subprocess
import sys
import time

TAIL = 12  # lines of a log that are shown when a job fails
SECONDS_TO_STOP = 10


def run_command(command, log, environment, cwd):
    """Run a command until it ends; what it prints is appended to the file ``log``.

    If this process is interrupted, the command is stopped before the exception goes on; if it is killed, the command
    is killed with it (on Linux), so that it can be run again elsewhere.

    Returns:
        (exit code, last lines of its log, seconds)
    """
    start = time.perf_counter()
    os.makedirs(os.path.dirname(log), exist_ok=True)
    with open(log, "ab") as file:
        begin = file.tell()
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=cwd,
                                   env={**os.environ, **environment}, start_new_session=True,
                                   preexec_fn=die_with_parent() if sys.platform == "linux" else None)
        try:
            code = None
            while code is None:  # in short waits: Ray's way to interrupt a task does not end a system call
                try:
                    code = process.wait(0.5)
                except subprocess.TimeoutExpired:
                    pass
        except BaseException:
            stop(process)
            raise
    with open(log, "rb") as file:
        file.seek(begin)
        lines = file.read().decode(errors="replace").splitlines()[-TAIL:]
    return code, lines, time.perf_counter() - start


def die_with_parent():
    """A function that makes the process that calls it end when its parent does."""
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def ask_the_kernel():
        libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:  # it has died in between
            os._exit(1)

    return ask_the_kernel


def stop(process):
    """End a process and the processes it started: politely, then for good."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(SECONDS_TO_STOP)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
