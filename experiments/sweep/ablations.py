"""The jobs of the ablations of MAO: each part switched, each hyper-parameter varied, around the default setting.

Settings that coincide, the default one above all, are run once.
"""
from collections.abc import Sequence

from compat.errors import UserError
from experiments.catalogue import BATCH_SIZE as B
from experiments.catalogue import has_steps, mao_defaults

from .job import Job
from .options import Options, check_known
from .protocols import base_to_new_of

K = "MAO.TOPK"
Step = dict[str, object]
"""{config key: value} of one step."""

OFF_IN_STEP_2: list[Step] = [{}, {"MAO.REG_NEW": False}, {"MAO.DDE_NEW": False}]

# (settings of step 1, settings of step 2) of each part
PARTS: dict[str, list[tuple[Step, Step]]] = {
    "components": [({"MAO.DDE_BASE": dde, "MAO.REG_BASE": reg}, step_2)
                   for dde in (True, False) for reg in (True, False)
                   for step_2 in OFF_IN_STEP_2],
    "k": [({K: k}, {}) for k in (2, 4, 8, 16)],
    "batch": [({B: b, K: k}, {}) for b in (2, 4, 8) for k in (2, 4, 8, 16)],
    "similarity": [({"MAO.SIMILARITY": similarity}, {}) for similarity in ("minilm", "clip")],
    "pool": [({"MAO.POOL": pool}, {}) for pool in ("train", "fewshot")],
    "pseudo_labels": [({}, {"MAO.PSEUDO_LABELS": labels, "MAO.PSEUDO_VIEW": view})
                      for labels in ("base", "clip") for view in ("train", "test")],
}


def settings(parts: Sequence[str]) -> list[tuple[Step, Step]]:
    """The different (step 1, step 2) settings of some parts, without default values."""
    defaults = mao_defaults()
    found: list[tuple[Step, Step]] = []
    for part in parts:
        for steps in PARTS[part]:
            step_1, step_2 = ({key: value for key, value in step.items() if value != defaults[key]} for step in steps)
            if (step_1, step_2) not in found:
                found.append((step_1, step_2))
    return found


def ablation(options: Options, parts: Sequence[str] = tuple(PARTS)) -> list[Job]:
    """Base-to-new jobs for each setting of the given parts. Trainings of step 1 that settings share are one job.

    Settings of step 1 are handed to step 2, too, so that the records of both say which row they belong to.
    """
    check_known("--parts", parts, tuple(PARTS))
    without = [method for method in options.methods if not has_steps(method)]
    if without:
        raise UserError(f"--methods {' '.join(without)}: the ablations are of MAO; give methods that end in _MAO")
    jobs: dict[str, Job] = {}  # by folder
    for dataset in options.datasets:
        for method in options.methods:
            for seed in options.seeds:
                for step_1, step_2 in settings(parts):
                    for job in base_to_new_of(options, method, dataset, seed, words(step_1),
                                              words({**step_1, **step_2}), (tag(step_1), tag(step_2))):
                        jobs.setdefault(job.folder, job)
    for job in jobs.values():  # let them need the one job that stands for a folder
        job.starts_from = job.starts_from and jobs[job.starts_from.folder]
        job.tests = job.tests and jobs[job.tests.folder]
    return list(jobs.values())


def words(step: Step) -> list[str]:
    return [str(word) for pair in step.items() for word in pair]


def tag(step: Step) -> str:
    """End of a folder's name: ``_topk_4_reg_base_False``."""
    return "".join(f"_{key.split('.')[-1].lower()}_{value}" for key, value in step.items())
