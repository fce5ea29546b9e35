"""The plan of a sweep: the key of each job, the folder it gets, and what is left to do.

A job whose folder is taken by another run, a changed configuration for example, gets a folder of its own beside it:
nothing is reused silently, and nothing is refused in the middle of a sweep.
"""
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import train
from experiments.records import FOLDERS_OF_RUNS, config_digest
from experiments.run_state import done_key, job_key, started_key, tests_older_model

from .job import DONE, INCOMPLETE, NOT_STARTED, Job, State

LEFT_BY_A_STOPPED_RUN = "train_state.pth.tar"


def make_plan(jobs: list[Job]) -> list[Job]:
    """Fill in data set, digest, key, folder and state of all jobs; those that a job needs have to come before it.

    Raises:
        UserError: of train.py, for config files or KEY VALUE pairs that cannot work.
    """
    for job in jobs:
        resolve(job)
    return jobs


def resolve(job: Job) -> None:
    args = train.parse_arguments(job.arguments())
    cfg = train.make_config(args)
    job.dataset = cfg.DATASET.NAME
    if not job.dataset.startswith("Synthetic"):  # the efficiency benchmark makes those when it runs
        train.check_names(cfg)
    # What the folders of other jobs will hold counts, whether those have run or not.
    parents = {FOLDERS_OF_RUNS[0]: job.starts_from.digest} if job.starts_from is not None else None
    job.digest = config_digest(cfg, parents)
    job.key = job_key(cfg, args, parents, job.tests.digest if job.tests is not None else None)
    if is_taken(job):
        job.folder = f"{job.folder}-{job.key[:8]}"
    job.state = state(job)


def is_taken(job: Job) -> bool:
    """Whether the folder holds another run, finished or not."""
    there = done_key(job.folder) or started_key(job.folder)
    if there is None:
        return os.path.exists(os.path.join(job.folder, LEFT_BY_A_STOPPED_RUN))
    return there != job.key


def state(job: Job) -> State:
    if done_key(job.folder) == job.key:
        # A test counts for the model that is there: not for one that is missing, or was trained again since.
        tested = job.tests
        if tested is None or tested.state == DONE and not tests_older_model(job.folder, tested.folder):
            return DONE
        return NOT_STARTED
    return INCOMPLETE if started_key(job.folder) == job.key else NOT_STARTED


def summary(jobs: Sequence[Job]) -> str:
    """"47 jobs: 10 done, 1 resumed, 36 to run"."""
    count = Counter(job.state for job in jobs)
    return (f"{len(jobs)} {'job' if len(jobs) == 1 else 'jobs'}: {count[DONE]} done, {count[INCOMPLETE]} resumed, "
            f"{count[NOT_STARTED]} to run")


def log_file(job: Job, output: str) -> str:
    """Log of a job: named after its folder, in ``<output>/logs``."""
    name = os.path.relpath(job.folder, output).replace(os.sep, "_")
    return str(Path(output) / "logs" / f"{name}.txt")
