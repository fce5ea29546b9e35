"""Scalars for Weights & Biases, beside tensorboard: TRAIN.WANDB names the project.

The package is optional (requirements-wandb.txt). Its own settings hold: WANDB_MODE=offline, for instance, writes to the
folder ``wandb`` in the output folder alone.
"""
from collections.abc import Mapping
from typing import Any

TROUBLE = (ImportError, OSError, RuntimeError, ValueError, TypeError)  # beside wandb's own kind of error


class WandbWriter:
    """One run of wandb for each start of a training; the same methods as ``ScalarWriter``.

    Where wandb is missing or refuses, a line says so and the training goes on without.

    Args:
        project: its name. folder: output folder, which is the run's name, too. settings: flat config.
    """

    def __init__(self, project: str, folder: str, settings: Mapping[str, object]) -> None:
        self._run: Any = None
        self._known: set[str] = set()
        try:
            import wandb  # optional, and slow to import
        except ImportError as error:
            self._give_up(f"{error}: pip install -U -r requirements-wandb.txt")
            return
        self._trouble = (*TROUBLE, wandb.errors.Error)
        try:
            self._run = wandb.init(project=project, dir=folder, name=folder, config=dict(settings),
                                   settings=wandb.Settings(console="off"))
        except self._trouble as error:
            self._give_up(error)

    def add(self, tag: str, value: float, step: int | None) -> None:
        """A number; each tag has an axis of its own, since some count batches and some epochs."""
        if self._run is None:
            return
        try:
            if tag not in self._known:
                self._known.add(tag)
                self._run.define_metric(f"step of {tag}", hidden=True)
                self._run.define_metric(tag, step_metric=f"step of {tag}")
            self._run.log({tag: float(value), f"step of {tag}": step})
        except self._trouble as error:
            self._give_up(error)

    def close(self) -> None:
        run, self._run = self._run, None
        if run is not None:
            try:
                run.finish()
            except self._trouble as error:
                self._give_up(error)

    def _give_up(self, reason: object) -> None:
        self._run = None
        print(f"nothing goes to wandb from here on ({' '.join(str(reason).split())})")
