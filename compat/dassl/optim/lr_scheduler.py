"""Learning-rate schedules over epochs, with warm-up, from a config's OPTIM node.

Their state dicts hold numbers only, also of a schedule inside a warm-up, so checkpoints need no pickled objects.
"""
import contextlib
import copy
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from torch.optim import Optimizer
from torch.optim import lr_scheduler as torch_schedulers
from torch.optim.lr_scheduler import LRScheduler
from yacs.config import CfgNode

from compat.errors import UserError

from ..utils.registry import check_availability


class MultiStepLR(torch_schedulers.MultiStepLR):
    """torch's, with the milestones as a list in its state."""

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "milestones": sorted(self.milestones.elements())}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict({**state_dict, "milestones": Counter(state_dict["milestones"])})


class _BaseWarmupScheduler(LRScheduler):  # Dassl's name, which trainers with schedules of their own derive from
    """Sets the rate itself for the first ``warmup_epoch`` epochs, then leaves it to another schedule.

    Args:
        successor: schedule that takes over; it does not move during warm-up.
        warmup_epoch: number of epochs, at least 1. verbose: without effect, as in torch.
    """

    def __init__(self, optimizer: Optimizer, successor: LRScheduler, warmup_epoch: int, last_epoch: int = -1,
                 verbose: bool = False) -> None:
        self.successor = successor
        self.warmup_epoch = warmup_epoch
        super().__init__(optimizer, last_epoch)

    def warmup_lr(self) -> list[Any]:
        """Rate of each parameter group in epoch ``last_epoch`` of the warm-up."""
        raise NotImplementedError

    def get_lr(self) -> list[Any]:
        if self.last_epoch < self.warmup_epoch:
            return self.warmup_lr()
        return self.successor.get_last_lr()

    def step(self, epoch: int | None = None) -> None:
        if self.last_epoch < self.warmup_epoch:
            super().step(epoch)
        else:
            self.successor.step(epoch)
            self._last_lr = self.successor.get_last_lr()

    def state_dict(self) -> dict[str, Any]:
        own = {key: value for key, value in self.__dict__.items() if key != "optimizer"}
        return {**own, "successor": self.successor.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        own = dict(state_dict)
        self.successor.load_state_dict(own.pop("successor"))
        self.__dict__.update(own)


class ConstantWarmupScheduler(_BaseWarmupScheduler):
    """One rate for all groups during warm-up."""

    def __init__(self, optimizer: Optimizer, successor: LRScheduler, warmup_epoch: int, cons_lr: float,
                 last_epoch: int = -1, verbose: bool = False) -> None:
        self.cons_lr = cons_lr
        super().__init__(optimizer, successor, warmup_epoch, last_epoch, verbose)

    def warmup_lr(self) -> list[Any]:
        return [self.cons_lr for _ in self.base_lrs]


class LinearWarmupScheduler(_BaseWarmupScheduler):
    """``min_lr`` in the first epoch, then a straight line from 0 to the group's own rate."""

    def __init__(self, optimizer: Optimizer, successor: LRScheduler, warmup_epoch: int, min_lr: float,
                 last_epoch: int = -1, verbose: bool = False) -> None:
        self.min_lr = min_lr
        super().__init__(optimizer, successor, warmup_epoch, last_epoch, verbose)

    def warmup_lr(self) -> list[Any]:
        if self.last_epoch == 0:
            return [self.min_lr for _ in self.base_lrs]
        return [lr * self.last_epoch / self.warmup_epoch for lr in self.base_lrs]


def _single_step(optimizer: Optimizer, cfg: CfgNode) -> LRScheduler:
    stepsize = cfg.STEPSIZE[-1] if isinstance(cfg.STEPSIZE, (list, tuple)) else cfg.STEPSIZE
    if not isinstance(stepsize, int):
        raise UserError(f"OPTIM.STEPSIZE is {cfg.STEPSIZE!r}: single_step takes one whole number of epochs")
    return torch_schedulers.StepLR(optimizer, stepsize if stepsize > 0 else cfg.MAX_EPOCH, gamma=cfg.GAMMA)


def _multi_step(optimizer: Optimizer, cfg: CfgNode) -> LRScheduler:
    if not isinstance(cfg.STEPSIZE, (list, tuple)) or not all(isinstance(epoch, int) for epoch in cfg.STEPSIZE):
        raise UserError(f"OPTIM.STEPSIZE is {cfg.STEPSIZE!r}: multi_step takes a list of epochs")
    return MultiStepLR(optimizer, milestones=list(cfg.STEPSIZE), gamma=cfg.GAMMA)


def _cosine(optimizer: Optimizer, cfg: CfgNode) -> LRScheduler:
    return torch_schedulers.CosineAnnealingLR(optimizer, cfg.MAX_EPOCH)


SCHEDULES: dict[str, Callable[[Optimizer, CfgNode], LRScheduler]] = {
    "single_step": _single_step, "multi_step": _multi_step, "cosine": _cosine}
AVAI_SCHEDS = list(SCHEDULES)
WARMUPS = ("constant", "linear")


def build_lr_scheduler(optimizer: Optimizer, optim_cfg: CfgNode) -> LRScheduler:
    """Schedule of OPTIM.LR_SCHEDULER, inside a warm-up if OPTIM.WARMUP_EPOCH is positive; step it once per epoch.

    With OPTIM.WARMUP_RECOUNT the schedule starts at its first epoch after the warm-up and keeps its period, so a cosine
    does not come down to 0; without, its count of epochs starts at WARMUP_EPOCH.

    Raises:
        UnknownNameError: no such schedule or warm-up. UserError: OPTIM.STEPSIZE does not suit it.
    """
    check_availability(optim_cfg.LR_SCHEDULER, list(SCHEDULES), what="OPTIM.LR_SCHEDULER")
    schedule = SCHEDULES[optim_cfg.LR_SCHEDULER](optimizer, optim_cfg)
    if optim_cfg.WARMUP_EPOCH <= 0:
        return schedule
    check_availability(optim_cfg.WARMUP_TYPE, list(WARMUPS), what="OPTIM.WARMUP_TYPE")
    if not optim_cfg.WARMUP_RECOUNT:
        schedule.last_epoch = optim_cfg.WARMUP_EPOCH
    if optim_cfg.WARMUP_TYPE == "constant":
        return ConstantWarmupScheduler(optimizer, schedule, optim_cfg.WARMUP_EPOCH, optim_cfg.WARMUP_CONS_LR)
    return LinearWarmupScheduler(optimizer, schedule, optim_cfg.WARMUP_EPOCH, optim_cfg.WARMUP_MIN_LR)


BUILT = (_BaseWarmupScheduler, torch_schedulers.StepLR, MultiStepLR, torch_schedulers.CosineAnnealingLR)


def steps_taken(state: dict[str, Any]) -> int:
    """How often a schedule was stepped, by its state dict."""
    return state["last_epoch"] + (steps_taken(state["successor"]) if "successor" in state else 0)


@contextlib.contextmanager
def own_schedule(schedule: object) -> Iterator[None]:
    """A schedule that the block restores keeps its own rates and period, and is afterwards as many steps along.

    So a run that is made longer goes on at the rates of the longer one, and not where the shorter one's cosine ended.
    A schedule of another kind than ``build_lr_scheduler`` builds is left as it is restored.
    """
    if not isinstance(schedule, BUILT):
        yield
        return
    fresh = copy.deepcopy(schedule.state_dict())
    yield
    steps = steps_taken(schedule.state_dict()) - steps_taken(fresh)
    schedule.load_state_dict(fresh)
    for group, rate in zip(schedule.optimizer.param_groups, schedule.get_last_lr(), strict=True):
        group["lr"] = rate
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that no step of the optimizer came before
        for _ in range(steps):
            schedule.step()
