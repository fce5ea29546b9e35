"""Runs the jobs of a plan on a Ray cluster: this machine's cores and GPUs, or those of the machines at an address.

Each job is a Ray task that runs a subprocess. Ray decides where and when: a task waits for the tasks it needs and for
its share of cores and GPUs, and is run again elsewhere when its worker dies. The machines of a cluster have to see the
repository, the data and the output under the same paths.
"""
import logging
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING

from compat.cores import usable_cores
from compat.errors import UserError
from experiments.catalogue import ROOT

from .job import Job
from .plan import log_file
from .process import Outcome
from .progress import FAILED, SKIPPED, SUCCEEDED, Progress
from .ray_token import agree_with, make_own_token

if TYPE_CHECKING:  # Ray is optional
    from ray import ObjectRef

TRIES_AFTER_A_DEATH = 3
# What of this process's environment a job needs on any node, which has an environment of its own.
PASSED_ON = ("DASSL_ENGINE", "MAO_CACHE", "CLIP_CACHE", "MAO_HOSTS", "HF_HUB_OFFLINE", "OMP_NUM_THREADS",
             "LOKY_MAX_CPU_COUNT")


def load_ray() -> ModuleType:
    """The package ray, set to send nothing home.

    Raises:
        UserError: it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # the way of later versions; avoids a warning
    try:
        import ray
    except ImportError as error:
        raise UserError(f"--engine ray needs the package ray ({error}): run {sys.executable} -m pip install "
                        "-r requirements-ray.txt, or use --engine none") from error
    return ray


def connect(address: str, jobs_at_once: int, cpus: float, gpus: float) -> ModuleType:
    """Ray, once it has joined the cluster at an address or runs here with room for ``jobs_at_once`` jobs."""
    quiet = {"logging_level": logging.ERROR, "log_to_driver": False}
    if address:
        check_answers(address)
        agree_with(address)
        ray = load_ray()
        try:
            ray.init(address=address, **quiet)
        except (ConnectionError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
            raise UserError(no_cluster(address, error)) from error
        return ray
    make_own_token()
    ray = load_ray()
    room = jobs_at_once * cpus if jobs_at_once else max(usable_cores(), cpus)
    ray.init("local", num_cpus=room, include_dashboard=False, object_store_memory=100 * 2**20, **quiet)
    have = ray.cluster_resources().get("GPU", 0)
    if gpus > have:
        ray.shutdown()
        raise UserError(f"--gpus {gpus:g}: this machine has {have:g}, so no job could ever run; give a smaller number")
    return ray


def check_answers(address: str) -> None:
    """Raise UserError if nothing listens at ``host:port``; Ray itself would wait for minutes."""
    host, _, port = address.rpartition("/")[2].rpartition(":")
    if not port.isdigit():
        return  # auto, or another of Ray's own words
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise UserError(no_cluster(address, error)) from error


def no_cluster(address: str, error: Exception) -> str:
    token = " or it asks for another token" if address.startswith("ray://") else ""
    return (f"--address {address!r}: no Ray cluster answers there{token} ({' '.join(str(error).split())}); start one "
            "with `ray start`, see docs/reproduce.md")


def run(jobs: Sequence[Job], output: str, environment: dict[str, str], progress: Progress, address: str = "",
        jobs_at_once: int = 0, cpus: float = 1.0, gpus: float = 0.0) -> None:
    """Run jobs as Ray tasks.

    Args:
        jobs, output, environment, progress: as in ``engine_none``. address: of a Ray cluster; "": this machine.
        jobs_at_once: on this machine; 0: as many as its cores allow. cpus, gpus: share of a job.
    """
    ray = connect(address, jobs_at_once, cpus, gpus)
    try:
        follow(ray, submit(ray, jobs, output, environment, cpus, gpus), output, progress)
    finally:
        ray.shutdown()


def submit(ray: ModuleType, jobs: Sequence[Job], output: str, environment: dict[str, str], cpus: float,
           gpus: float) -> dict["ObjectRef", Job]:
    """Hand all jobs to Ray at once; {reference to the outcome: job}."""
    from . import process  # by its name, for cloudpickle

    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | environment
    if not gpus or cpus > 1:  # else its GPU is its share, and the default of one core says nothing
        environment.setdefault("LOKY_MAX_CPU_COUNT", str(max(1, int(cpus))))
    root = str(ROOT)
    ray.cloudpickle.register_pickle_by_value(process)  # a worker need not be able to import this package

    @ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=TRIES_AFTER_A_DEATH)
    def run_job(command: list[str], log: str, *needed: Outcome) -> Outcome:
        if any(outcome.code != 0 for outcome in needed):
            return process.Outcome(None, [], 0.0)
        return process.run_command(command, log, environment, root)

    references: dict[Job, ObjectRef] = {}
    for job in jobs:
        needed = [references[other] for other in job.needs if other in references]
        command = [sys.executable, *job.program, *job.arguments()]
        references[job] = run_job.remote(command, log_file(job, output), *needed)
    return {reference: job for job, reference in references.items()}


def follow(ray: ModuleType, jobs: Mapping["ObjectRef", Job], output: str, progress: Progress) -> None:
    """Report each job when it ends. ``jobs``: {reference: job}."""
    waiting = list(jobs)
    try:
        while waiting:
            ended, waiting = ray.wait(waiting, timeout=1)
            for reference in ended:
                report(ray, reference, jobs[reference], output, progress)
            progress.bar.refresh()
    except BaseException:
        for reference in waiting:
            ray.cancel(reference)  # interrupts the task, which stops its subprocess
        ray.wait(waiting, num_returns=len(waiting), timeout=15)
        raise


def report(ray: ModuleType, reference: "ObjectRef", job: Job, output: str, progress: Progress) -> None:
    log = log_file(job, output)
    try:
        code, lines, seconds = ray.get(reference)
    except ray.exceptions.RayError as error:
        outcome = FAILED if progress.can_run(job) else SKIPPED
        progress.ended(job, outcome, lines=[" ".join(str(error).split())[:300]], log=log)
        return
    outcome = SKIPPED if code is None else FAILED if code else SUCCEEDED
    progress.ended(job, outcome, seconds, lines, log)
