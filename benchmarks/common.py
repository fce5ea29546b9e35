"""What the benchmarks share: a checked config, a clock around methods, processes of their own."""
import argparse
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

import torch
from yacs.config import CfgNode

import train
from compat import resolve_dassl

from .synthetic import register_synthetic

ROOT = Path(__file__).resolve().parent.parent
Result = TypeVar("Result")


def checked_config(args: argparse.Namespace) -> CfgNode:
    """The frozen config of train.py's command line, which may name a data set Synthetic<N>.

    Chooses the Dassl to run on: what imports Dassl is imported after this call.

    Raises:
        UserError: as train.py.
    """
    resolve_dassl()
    import datasets  # noqa: F401  registers the data sets with the Dassl that was just chosen

    cfg = train.make_config(args)
    register_synthetic(cfg.DATASET.NAME)
    train.check_names(cfg)
    return cfg


def seconds_of(owner: object, method: str, device: torch.device) -> list[float]:
    """The list that takes the seconds of each later call of a method, with what the device has to do for it."""
    from runs.recorder import wrap  # it imports Dassl, which checked_config has chosen

    starts: list[float] = []
    seconds: list[float] = []
    wrap(owner, method, before=lambda *_: starts.append(now(device)),
         after=lambda *_: seconds.append(now(device) - starts.pop()))
    return seconds


def now(device: torch.device) -> float:
    """Seconds of a clock, read when the device has done all that it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def in_own_process(function: Callable[..., Result], *args: object) -> Result:
    """Call a module's function in a fresh process, whose peak memory and caches are then its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *args).result()
