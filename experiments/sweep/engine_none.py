"""Runs the jobs of a plan one after another on this machine."""
import os
import sys
from collections.abc import Sequence

from experiments.catalogue import ROOT

from . import warm
from .job import TRAIN, Job
from .plan import log_file
from .process import Outcome, run_command
from .progress import FAILED, SKIPPED, SUCCEEDED, Progress


def run(jobs: Sequence[Job], output: str, environment: dict[str, str], progress: Progress) -> None:
    """Run jobs in their order; one that fails does not stop those that do not need it.

    Args:
        jobs: jobs that are not done. output: folder of everything that is written. environment: {name: value} to add.
        progress: told of each end.
    """
    os.environ.update(environment)
    for job in jobs:
        if not progress.can_run(job):
            progress.ended(job, SKIPPED)
            continue
        progress.begins(job)
        log = log_file(job, output)
        code, lines, seconds = run_job(job, log)
        progress.ended(job, FAILED if code else SUCCEEDED, seconds, lines, log)


def run_job(job: Job, log: str) -> Outcome:
    if job.program == TRAIN and warm.is_safe():
        return warm.run_train(job.arguments(), log)
    return run_command([sys.executable, *job.program, *job.arguments()], log, {}, str(ROOT))
