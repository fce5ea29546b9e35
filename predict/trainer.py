"""A run's trainer without its data: model, checkpoint loading and inference are the trainer's own."""
import contextlib
from types import SimpleNamespace
from typing import cast

from dassl.data import DataManager
from dassl.engine import TRAINER_REGISTRY, TrainerX
from yacs.config import CfgNode

from compat.errors import UserError
from trainers.mao.trainer import MAO
from trainers.prompting.tokens import long_texts_cut
from trainers.prompting.trainer import only_tested


def trainer_of(cfg: CfgNode, dataset: SimpleNamespace, trained_on: list[str], truncate: bool) -> TrainerX:
    """The trainer of a config, its model built for the classes of ``dataset``.

    Of a MAO variant it is the host: MAO changes how prompts are trained, not what they are.

    Args:
        dataset: with ``classnames`` and ``template``. trained_on: class names that the checkpoint is for.
        truncate: whether prompts that are too long are cut.

    Raises:
        UserError: there is no such trainer, or its model cannot be built for these classes.
    """
    name = cfg.TRAINER.NAME
    if name not in TRAINER_REGISTRY.registered_names():
        raise UserError(f"the run's trainer {name!r} is not registered here: use the version that it was trained with")
    host = next(base for base in TRAINER_REGISTRY.get(name).__mro__ if not issubclass(base, MAO))

    def without_data(trainer: TrainerX) -> None:
        trainer.dm = cast(DataManager, SimpleNamespace(dataset=dataset))
        trainer.lab2cname = dict(enumerate(dataset.classnames))
        trainer.num_classes = len(dataset.classnames)

    with only_tested(), long_texts_cut() if truncate else contextlib.nullcontext():
        trainer = type(host.__name__, (host,), {"build_data_loader": without_data})(cfg)
    specific = getattr(trainer, "class_specific", "")
    if specific and dataset.classnames != trained_on:
        raise UserError(f"the run has {specific}, and knows only those that it was trained on: leave --classes out")
    trainer.set_model_mode("eval")
    return cast(TrainerX, trainer)
