"""A trainer for the length of a run: threads, random numbers and worker processes around it."""
import contextlib
import os
from collections.abc import Iterator
from typing import cast

import torch
from dassl.engine import TrainerX, build_trainer
from dassl.utils import set_random_seed
from torch.utils.data import DataLoader
from yacs.config import CfgNode

from compat.cores import usable_cores, workers_for

from .prompting.trainer import only_tested


@contextlib.contextmanager
def built_trainer(cfg: CfgNode, trains: bool = True) -> Iterator[TrainerX]:
    """The trainer of a config, seeded if SEED is not negative; the workers of its loaders end with the block.

    Args:
        trains: whether it is to train; else it has no optimizer.
    """
    cfg = with_workers_for_cores(cfg)
    leave_cores_to_workers(cfg)
    if cfg.SEED >= 0:
        set_random_seed(cfg.SEED)
    with contextlib.nullcontext() if trains else only_tested():
        trainer = cast(TrainerX, build_trainer(cfg))  # all trainers here are; the registry promises less
    try:
        yield trainer
    finally:
        stop_workers(trainer)


def with_workers_for_cores(cfg: CfgNode) -> CfgNode:
    """The config, with DATALOADER.NUM_WORKERS lowered to the cores that there are: more only wait for each other."""
    workers = workers_for(cfg.DATALOADER.NUM_WORKERS)
    if workers == cfg.DATALOADER.NUM_WORKERS:
        return cfg
    cfg = cfg.clone()
    cfg.defrost()
    cfg.DATALOADER.NUM_WORKERS = workers
    cfg.freeze()
    return cfg


def leave_cores_to_workers(cfg: CfgNode) -> None:
    """On a CPU, compute on as many threads as the loader's workers leave cores; OMP_NUM_THREADS overrides.

    Threads that share cores with the workers wait for each other: many times slower on few cores.
    """
    if not (cfg.USE_CUDA and torch.cuda.is_available()) and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, usable_cores() - cfg.DATALOADER.NUM_WORKERS))


def stop_workers(trainer: TrainerX) -> None:
    """End the worker processes of a trainer's loaders.

    Left to the garbage collector, which may close their queues first, each would be waited for in vain for 5 s.
    """
    for loader in vars(trainer).values():
        if isinstance(loader, DataLoader):
            loader._iterator = None  # of persistent workers; its end stops them
