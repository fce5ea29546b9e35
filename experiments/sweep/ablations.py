"""The jobs of the ablations of MAO: each part switched, each hyper-parameter varied, around the default setting.

Settings that coincide, the default one above all, are run once.
"""
from compat.errors import UserError

from .methods import check_known, has_steps
from .protocols import base_to_new_of

B, K = "DATALOADER.TRAIN_X.BATCH_SIZE", "MAO.TOPK"
DEFAULTS = {B: 4, K: 8, "MAO.DDE_BASE": True, "MAO.REG_BASE": True, "MAO.DDE_NEW": True, "MAO.REG_NEW": True,
            "MAO.SIMILARITY": "minilm", "MAO.POOL": "train", "MAO.PSEUDO_LABELS": "base", "MAO.PSEUDO_VIEW": "train"}

# (settings of step 1, settings of step 2) of each part
PARTS = {
    "components": [({"MAO.DDE_BASE": dde, "MAO.REG_BASE": reg}, step_2)
                   for dde in (True, False) for reg in (True, False)
                   for step_2 in ({}, {"MAO.REG_NEW": False}, {"MAO.DDE_NEW": False})],
    "k": [({K: k}, {}) for k in (2, 4, 8, 16)],
    "batch": [({B: b, K: k}, {}) for b in (2, 4, 8) for k in (2, 4, 8, 16)],
    "similarity": [({"MAO.SIMILARITY": similarity}, {}) for similarity in ("minilm", "clip")],
    "pool": [({"MAO.POOL": pool}, {}) for pool in ("train", "fewshot")],
    "pseudo_labels": [({}, {"MAO.PSEUDO_LABELS": labels, "MAO.PSEUDO_VIEW": view})
                      for labels in ("base", "clip") for view in ("train", "test")],
}


def settings(parts):
    """The different (step 1, step 2) settings of some parts: pairs of dicts without default values."""
    found = []
    for part in parts:
        for step_1, step_2 in PARTS[part]:
            setting = tuple({key: value for key, value in step.items() if value != DEFAULTS[key]}
                            for step in (step_1, step_2))
            if setting not in found:
                found.append(setting)
    return found


def ablation(options, parts=tuple(PARTS)):
    """Base-to-new jobs for each setting of the given parts. Trainings of step 1 that settings share are one job.

    Pairs of step 1 are handed to step 2, too (except the batch size, which step 2 has its own of), so that the records
    of both say which row they belong to.
    """
    check_known("--parts", parts, tuple(PARTS))
    without = [method for method in options.methods if not has_steps(method)]
    if without:
        raise UserError(f"--methods {' '.join(without)}: the ablations are of MAO; give methods that end in _MAO")
    jobs = {}
    for dataset in options.datasets:
        for method in options.methods:
            for seed in options.seeds:
                for step_1, step_2 in settings(parts):
                    shared = {key: value for key, value in step_1.items() if key != B}
                    for job in base_to_new_of(options, method, dataset, seed, words(step_1),
                                              words({**shared, **step_2}), (tag(step_1), tag(step_2))):
                        jobs.setdefault(job.folder, job)
    return link(list(jobs.values()), jobs)


def words(step):
    return [str(word) for pair in step.items() for word in pair]


def tag(step):
    """End of a folder's name: "_topk4_reg_base_False"."""
    return "".join(f"_{key.split('.')[-1].lower()}_{value}" for key, value in step.items())


def link(jobs, by_folder):
    """Let jobs depend on the one job that stands for a folder."""
    for job in jobs:
        if job.starts_from is not None:
            job.starts_from = by_folder[job.starts_from.folder]
        if job.tests is not None:
            job.tests = by_folder[job.tests.folder]
    return jobs
