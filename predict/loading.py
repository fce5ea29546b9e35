"""From a run's folder to its model: config, class names and weights are what the folder says; no data are needed."""
import contextlib
import io
import os
from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from yacs.config import CfgNode

from compat import resolve_dassl
from compat.errors import UserError
from compat.run_config.merge import set_key
from compat.settings import flat_config
from runs.model_facts import ModelFacts, read_facts

from .model import RunModel

if TYPE_CHECKING:
    from runs.state import Run


def load_run(folder: str | os.PathLike[str], classnames: Sequence[str] | None = None, epoch: int | None = None,
             step: int | None = None, backbone: str = "", truncate: bool = False) -> RunModel:
    """The model of a run, ready for images.

    Args:
        folder: output folder of a training, or of a zero-shot run.
        classnames: to tell apart; default: those that the run was trained for.
        epoch: whose checkpoint to take; default: the best by validation if there is one, else the last.
        step: 1 takes the prompts of step 1 of a run that is step 2 of MAO; default: the run's own.
        backbone: where CLIP's weights are now, if not where they were.
        truncate: cut class names that are too long for the text tower, instead of refusing them.

    Raises:
        UserError: the folder is not that of a run, a file is missing, the weights are others than the run's, or a class
            name cannot be used.
    """
    resolve_dassl()
    from .trainer import trainer_of  # after that: it imports dassl

    folder = os.fspath(folder)
    run, facts = run_in(folder), read_facts(folder)
    if facts is None and classnames is None:
        raise UserError(f"{folder!r} does not say which classes its model tells apart, as runs of earlier versions do "
                        "not: give the names (--classes)")
    facts = facts or ModelFacts([])
    names = checked_names(list(classnames) if classnames is not None else facts.classnames)
    cfg = config_of(run, backbone or facts.backbone)
    of_prompts = folder
    if step is not None:
        if step == 1 and run.identity.stage == "new":
            of_prompts = base_folder(folder, facts, run)
            epoch = cfg.MAO.BASE_EPOCH if epoch is None and cfg.MAO.BASE_EPOCH >= 0 else epoch
        elif step != (2 if run.identity.stage == "new" else 1):
            raise UserError(f"step {step} is asked for, but {folder!r} is not of step 2 of MAO: leave the step out, or "
                            "give the folder of step 2")
    check_weights(cfg, run, folder)
    dataset = SimpleNamespace(classnames=names, **({"template": facts.template} if facts.template else {}))
    with contextlib.redirect_stdout(io.StringIO()):  # the lines of a training
        trainer = trainer_of(cfg, dataset, facts.classnames, truncate)
        if trainer.get_model_names():
            trainer.load_model(of_prompts, epoch=epoch)
    return RunModel(trainer, names)


def run_in(folder: str) -> "Run":
    """What the folder of a training says it is."""
    from runs.state import read_run

    if not os.path.isdir(folder):
        raise UserError(f"there is no folder {folder!r}: give the output folder of a run (--model-dir)")
    run = read_run(folder)
    if run is None:
        raise UserError(f"{folder!r} holds no run.json: give the output folder of a run of train.py (--model-dir)")
    if run.identity.task != "train" and (run.identity.parent or run.identity.checkpoints):  # not of zero-shot CLIP
        raise UserError(f"{folder!r} is the folder of a test: give that of the training")
    return run


def base_folder(folder: str, facts: ModelFacts, run: "Run") -> str:
    """The folder of step 1 that a run of step 2 stands on; UserError unless that run is still in it."""
    from runs.state import read_run

    there = os.path.normpath(os.path.join(folder, facts.base_run)) if facts.base_run else ""
    base = read_run(there) if there else None
    if base is None or base.identity.digest != run.identity.parent:
        raise UserError(f"step 1 of {folder!r} is not in {there!r} any more: give its folder as --model-dir, without "
                        "a step")
    return there


def config_of(run: "Run", backbone: str) -> CfgNode:
    """The config of a run, as this version has it: keys that it no longer has are left out."""
    from dassl.config import get_cfg_default

    import trainers
    from datasets.config import extend_cfg

    cfg = get_cfg_default()
    extend_cfg(cfg)
    trainers.extend_cfg(cfg)
    known = flat_config(cfg)
    for key, value in run.identity.settings.items():
        if key in known:
            set_key(cfg, key, value)
    cfg.merge_from_list(["MODEL.INIT_WEIGHTS", "", "MODEL.COMPILE", "", "VERBOSE", False])
    if backbone:
        cfg.MODEL.BACKBONE.NAME = backbone
    cfg.freeze()
    return cfg


def check_weights(cfg: CfgNode, run: "Run", folder: str) -> None:
    """Raise UserError if CLIP's weights are others than those that the run was trained on."""
    from trainers.prompting.clip_digest import weights_digest

    found = weights_digest(cfg.MODEL.BACKBONE.NAME)
    if run.identity.clip and not found:
        raise UserError(f"the weights of CLIP {cfg.MODEL.BACKBONE.NAME!r}, which {folder!r} was trained on, are not "
                        "there: say where they are (--backbone)")
    if run.identity.clip and found != run.identity.clip:
        raise UserError(f"the weights of CLIP {cfg.MODEL.BACKBONE.NAME!r} are not those that {folder!r} was trained "
                        "on: give those (--backbone)")


def checked_names(names: list[Any]) -> list[str]:
    """Class names; UserError if there are none, or if two are the same."""
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise UserError(f"the class name {name!r} is no text: give one, or leave it out")
    twice = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
    if twice is not None or not names:
        raise UserError("there are no class names: give at least one" if not names else
                        f"the class name {twice!r} is there twice: leave one out")
    return names
