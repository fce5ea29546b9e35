"""The plan of a sweep: the identity of each job, the folder it gets, and what is left to do.

A job whose folder is taken by another run, a changed configuration for example, gets a folder of its own beside it:
nothing is reused silently, and nothing is refused in the middle of a sweep.
"""
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from yacs.config import CfgNode

import train
from compat.errors import UserError
from runs.data import data_on_disk
from runs.state import done_key, identity_of_command, key_in, parent_folder, tests_older_model

from .job import DONE, INCOMPLETE, NOT_STARTED, Job, State

Data = dict[str, str]


def make_plan(jobs: list[Job]) -> list[Job]:
    """Fill in data set, identity, folder and state of all jobs; those that a job needs have to come before it.

    Raises:
        UserError: of train.py, for config files or KEY VALUE pairs that cannot work.
    """
    found: dict[tuple[str, str], Data | None] = {}
    for job in jobs:
        resolve(job, found)
    return jobs


def resolve(job: Job, found: dict[tuple[str, str], Data | None]) -> None:
    """Fill in one job. ``found``: the data sets that were read before, by name and root."""
    args = train.parse_arguments(job.arguments())
    cfg = train.make_config(args)
    job.dataset = cfg.DATASET.NAME
    if not job.dataset.startswith("Synthetic"):  # the efficiency benchmark makes those when it runs
        train.check_names(cfg)
    place = (cfg.DATASET.NAME, cfg.DATASET.ROOT)
    if place not in found:
        found[place] = data_there(cfg)
    data, (parent, *_) = found[place], [*job.needs, None]
    if data is None or parent is not None and parent.identity is None:
        return  # nothing can be said of a run without its data: train.py will, once they are there
    # What the folders of other jobs will hold counts, whether those have run or not; a pair may name another folder.
    planned = parent is not None and parent.folder == parent_folder(cfg, args)
    job.identity = identity_of_command(cfg, args, data, parent.identity if parent is not None and planned else None)
    if key_in(job.folder) not in (None, job.key):
        job.folder = f"{job.folder}-{job.key[:8]}"
    job.state = state(job)


def data_there(cfg: CfgNode) -> Data | None:
    """Which data a run would see; None if they are not there yet, or are no good."""
    from dassl.data.datasets import DATASET_REGISTRY

    from datasets.base import data_root

    known = cfg.DATASET.NAME in DATASET_REGISTRY.registered_names()
    below = getattr(DATASET_REGISTRY.get(cfg.DATASET.NAME), "dataset_dir", "") if known else ""
    try:
        there = not below or (data_root(cfg.DATASET.ROOT) / below).is_dir()  # bundled data are not unpacked for a plan
        return data_on_disk(cfg) if there else None
    except UserError:
        return None


def state(job: Job) -> State:
    if done_key(job.folder) == job.key:
        # A test counts for the model that is there: not for one that is missing, or was trained again since.
        tested = job.tests
        if tested is None or tested.state == DONE and not tests_older_model(job.folder, tested.folder):
            return DONE
        return NOT_STARTED
    return INCOMPLETE if key_in(job.folder) == job.key else NOT_STARTED


def summary(jobs: Sequence[Job]) -> str:
    """"47 jobs: 10 done, 1 resumed, 36 to run"."""
    count = Counter(job.state for job in jobs)
    return (f"{len(jobs)} {'job' if len(jobs) == 1 else 'jobs'}: {count[DONE]} done, {count[INCOMPLETE]} resumed, "
            f"{count[NOT_STARTED]} to run")


def log_file(job: Job, output: str) -> str:
    """Log of a job: named after its folder, in ``<output>/logs``."""
    name = os.path.relpath(job.folder, output).replace(os.sep, "_")
    return str(Path(output) / "logs" / f"{name}.txt")
