"""The jobs of the ablations of MAO: each part switched, each hyper-parameter varied, around the method's own setting.

Settings that coincide, the method's own above all, are run once.
"""
from collections.abc import Sequence

from compat.errors import UserError
from experiments.catalogue import BATCH_SIZE as B
from experiments.catalogue import LABELLERS, has_steps

from .job import Job, each_once
from .options import CONTROL, Options, Step, check_known
from .protocols import base_to_new_of

K = "MAO.TOPK"

OFF_IN_STEP_2: list[Step] = [{}, {"MAO.REG_NEW": False}, {"MAO.DDE_NEW": False}]  # the last one: step 1 only
ON_OR_OFF: list[tuple[Step, Step]] = [({"MAO.DDE_BASE": dde, "MAO.REG_BASE": reg}, step_2) for dde in (True, False)
                                      for reg in (True, False) for step_2 in OFF_IN_STEP_2]

# (settings of step 1, settings of step 2) of each part
PARTS: dict[str, list[tuple[Step, Step]]] = {
    "components": [*ON_OR_OFF, ({}, CONTROL)],
    "k": [({K: k}, {}) for k in (2, 4, 8, 16)],
    # the released combinations, and those of as many images as 4 x 8
    "batch": [({B: b, K: k}, {}) for b, k in ((2, 8), (4, 8), (16, 8), (2, 16), (8, 4), (16, 2))],
    "similarity": [({"MAO.SIMILARITY": similarity}, {}) for similarity in ("minilm", "clip")],
    "pool": [({"MAO.POOL": pool}, {}) for pool in ("train", "fewshot")],
    "pseudo_labels": [({}, {"MAO.PSEUDO_LABELS": labels, "MAO.PSEUDO_VIEW": view})
                      for labels in LABELLERS for view in ("train", "test")],
    "start": [({}, {"MAO.NEW.START": start}) for start in ("base", "fresh")],
}


def ablation(options: Options, parts: Sequence[str] = tuple(PARTS)) -> list[Job]:
    """Base-to-new jobs for each setting of the given parts. Trainings of step 1 that settings share are one job."""
    check_known("--parts", parts, tuple(PARTS))
    without = [method for method in options.methods if not has_steps(method)]
    if without:
        raise UserError(f"--methods {' '.join(without)}: the ablations are of MAO; give methods that end in _MAO")
    return each_once(job for dataset in options.datasets for method in options.methods for seed in options.seeds
                     for part in parts for step_1, step_2 in PARTS[part]
                     for job in base_to_new_of(options, method, dataset, seed, step_1, step_2))
