"""Runs the jobs of a plan one after another on this machine."""
import sys

from .methods import ROOT
from .plan import log_file
from .process import run_command
from .progress import FAILED, SKIPPED, SUCCEEDED


def run(jobs, output, environment, progress):
    """Run jobs in their order; one that fails does not stop those that do not need it.

    Args:
        jobs: jobs that are not done. output: folder of everything that is written. environment: {name: value} to add.
        progress: told of each end.
    """
    for job in jobs:
        if not progress.can_run(job):
            progress.ended(job, SKIPPED)
            continue
        progress.bar.set_postfix_str(job.what)
        log = log_file(job, output)
        code, lines, seconds = run_command([sys.executable, job.program, *job.arguments()], log, environment, ROOT)
        progress.ended(job, FAILED if code else SUCCEEDED, seconds, lines, log)
