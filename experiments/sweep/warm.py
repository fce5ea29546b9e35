"""Runs train.py in a child of a process that has imported everything already: start-up is most of a short run.

That process is Python's fork server. It never trains, so each child begins where a fresh process is after its imports;
and like a fresh process, each job has its own memory, random numbers and exit code.
"""
import multiprocessing
import os
import signal
import sys
import threading

from compat.errors import exit_code

from .process import Outcome, Wait, follow

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["experiments.sweep.preloaded"])


def is_safe() -> bool:
    """Whether jobs may be forked: not with CUDA, which the import of CLIP's package asks for and which no child can use
    then, and not on macOS, whose numerical libraries do not survive a fork.
    """
    import torch

    return sys.platform == "linux" and not torch.cuda.is_available()


def run_train(arguments: list[str], log: str) -> Outcome:
    """Run train.py with some words until it ends, as ``process.run_command`` runs a command.

    The job's environment is the one that this process has at its first call: the fork server keeps it.
    """
    process = SERVER.Process(target=train_in_child, args=(arguments, log))

    def start() -> tuple[int, Wait]:
        process.start()
        assert process.pid is not None
        return process.pid, wait

    def wait(seconds: float) -> int | None:
        process.join(seconds)
        return process.exitcode

    return follow(start, log)


def train_in_child(arguments: list[str], log: str) -> None:
    """The life of a job; ends its process with train.py's exit code."""
    multiprocessing.set_start_method(None, force=True)  # workers of its loaders start as they do in a fresh process
    os.setsid()  # Ctrl-C is for the sweep alone, which then stops its jobs
    threading.Thread(target=end_with_sweep, daemon=True).start()
    with open(log, "ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    import numpy

    import train

    from .preloaded import ENGINE

    numpy.random.seed()  # the one global generator that children of one process would share
    args = train.parse_arguments(arguments)
    sys.exit(exit_code(lambda: train.run(args, ENGINE), args.debug))


def end_with_sweep() -> None:
    """Wait until the sweep has ended, be it by a kill, and end this job and its loader's workers then."""
    sweep = multiprocessing.parent_process()
    if sweep is not None:
        sweep.join()
        os.killpg(0, signal.SIGKILL)
