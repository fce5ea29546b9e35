"""The run that step 2 starts from, step 1 or a plain backbone's: what it was, where its prompts are, do they fit."""
from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import torch
from dassl.utils import load_checkpoint
from torch import nn
from yacs.config import CfgNode

from .config import stage
from .errors import MAOError
from .host_contract import per_class_names

RUN_FILE = "run.json"
OLD_FACTS_FILE = "mao_base.json"  # of earlier versions


def run_facts(cfg: CfgNode) -> dict[str, Any]:
    """Which run a run is: what the train.py of MAO's repository left in the output folder, which knows more; else this.
    """
    written = _read_json(os.path.join(cfg.OUTPUT_DIR, RUN_FILE))
    if written is not None and "identity" in written:
        return written
    return {
        "trainer": cfg.TRAINER.NAME,
        "seed": cfg.SEED,
        "shots": cfg.DATASET.NUM_SHOTS,
        "classes": cfg.DATASET.SUBSAMPLE_CLASSES,
        "stage": stage(cfg),
        "data": {"name": cfg.DATASET.NAME},
        "settings": {key: value for key, value in _flat(cfg).items() if key.startswith(("TRAINER.", "MODEL."))},
        "finished": False,
    }


def write_run_facts(cfg: CfgNode, finished: bool = False) -> None:
    """Leave the facts of a run in its output folder, for step 2 to check, unless train.py does."""
    facts = run_facts(cfg)
    if "identity" in facts:
        return
    os.makedirs(cfg.OUTPUT_DIR, exist_ok=True)
    path = os.path.join(cfg.OUTPUT_DIR, RUN_FILE)
    with open(path + ".tmp", "w", encoding="utf-8") as file:
        json.dump({**facts, "finished": finished}, file, indent=1, default=str)
    os.replace(path + ".tmp", path)


def load_base_prompts(cfg: CfgNode, host: str, models: Mapping[str, nn.Module],
                      further_per_class: Iterable[str] = (), per_class: Iterable[object] = ()) -> None:
    """Copy the prompts of step 1 into the models of a run of step 2.

    They are read here and not by the host's ``load_model``: hosts name the best epoch in different ways (None, -1), and
    some leave nothing out, so they refuse or take over what the checkpoint holds of step 1's classes.

    Args:
        host: name of the host trainer. models: by the names that their checkpoints are saved under.
        further_per_class: names beside ``PER_CLASS``. per_class: values of the models that are per class, too.

    Raises:
        MAOError: MAO.BASE_DIR is not set, missing, empty, of another run, or its prompts have other shapes.
    """
    check_base_dir(cfg, host)
    for name, model in models.items():
        path = checkpoint_path(cfg.MAO.BASE_DIR, name, cfg.MAO.BASE_EPOCH)
        checkpoint = load_checkpoint(path)
        state = checkpoint.get("state_dict") if isinstance(checkpoint, Mapping) else None
        if not isinstance(state, Mapping):
            raise MAOError(f"{path!r} holds no weights of a model: run step 1 again")
        _copy_state(state, model, further_per_class, path, {id(value) for value in per_class})
        print(f"MAO step 2: {name} of step 1 is {path}")


def check_base_dir(cfg: CfgNode, host: str) -> None:
    """Raise MAOError unless MAO.BASE_DIR is the output folder of the run that this one goes on from.

    That is step 1 of MAO or, with MAO.BASE_RUN backbone, a run of the plain ``host`` on the base classes: the control
    "backbone + step 2" needs no second training of the backbone, and so stands on the very prompts of its row.
    """
    folder = cfg.MAO.BASE_DIR
    if not folder:
        raise MAOError("step 2 starts from the prompts of step 1, but MAO.BASE_DIR is not set: give step 1's output "
                       "folder")
    if not os.path.isdir(folder):
        raise MAOError(f"MAO.BASE_DIR {folder!r} does not exist: run step 1 first, or correct the path")
    if not os.listdir(folder):
        raise MAOError(f"MAO.BASE_DIR {folder!r} is empty: run step 1 first")
    found = _read_json(os.path.join(folder, RUN_FILE))
    if found is None:
        found = _facts_of_old_version(folder)
    elif not _is_finished(folder, found):
        raise MAOError(f"MAO.BASE_DIR {folder!r} is of a run that has not come to its end: run step 1 to its end")
    wanted = {**_compared(run_facts(cfg)), "stage": "base", "classes": "base"}
    if cfg.MAO.BASE_RUN == "backbone":
        wanted.update(trainer=host, stage="")
    for key, value in _compared(found).items():
        if key in wanted and value != wanted[key]:
            whose = "step 2 starts from" if key in ("stage", "classes") else "this run is of"
            raise MAOError(f"MAO.BASE_DIR {folder!r} is of {key} {value!r}, {whose} {wanted[key]!r}: give the folder of"
                           f" the matching {'run of ' + host if cfg.MAO.BASE_RUN == 'backbone' else 'step 1'}")


def _compared(facts: dict[str, Any]) -> dict[str, Any]:
    """What has to agree between step 1 and step 2, as flat keys, as far as it is known."""
    compared = {f"data.{key}": value for key, value in facts.get("data", {}).items() if value}
    compared.update({key: facts[key] for key in ("trainer", "seed", "shots", "stage", "classes") if key in facts})
    settings = json.loads(json.dumps(facts.get("settings", {}), default=str))
    compared.update({key: value for key, value in settings.items()
                     if key.startswith("TRAINER.") and key != "TRAINER.NAME"})  # that is "trainer"
    if facts.get("clip"):
        compared["clip"] = facts["clip"]
    elif "MODEL.BACKBONE.NAME" in settings:
        compared["backbone"] = settings["MODEL.BACKBONE.NAME"]
    return compared


def _is_finished(folder: str, facts: dict[str, Any]) -> bool:
    """Whether a run has come to its end: train.py writes a file then, the plug-in an entry."""
    if "identity" not in facts:
        return facts.get("finished") is True
    try:
        with open(os.path.join(folder, "done"), encoding="utf-8", errors="replace") as file:
            return file.read().strip() == facts["identity"]
    except OSError:
        return False


def _facts_of_old_version(folder: str) -> dict[str, Any]:
    """What earlier versions left in the folder of step 1; empty if that is nothing."""
    if os.path.exists(os.path.join(folder, "started")) and not os.path.exists(os.path.join(folder, "done")):
        raise MAOError(f"MAO.BASE_DIR {folder!r} is of a run that has not come to its end: run step 1 again")
    print(f"MAO: {folder} has no {RUN_FILE}: it is unverified that it is step 1 of this run")
    found = _read_json(os.path.join(folder, OLD_FACTS_FILE)) or {}
    return {**found, "data": {"name": found.get("dataset")}, "settings": {
        "MODEL.BACKBONE.NAME": found["backbone"]} if "backbone" in found else {}}


def _read_json(path: str) -> dict[str, Any] | None:
    """The facts in a file; None if there is no such file."""
    if not os.path.isfile(path):
        return None
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError, RecursionError) as error:
        raise MAOError(f"{path!r} cannot be read ({error}): run step 1 again") from error
    if not isinstance(found, dict) or not all(isinstance(found.get(key, {}), dict) for key in ("data", "settings")):
        raise MAOError(f"{path!r} does not describe a run: run step 1 again")
    return found


def _flat(node: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"TRAINER.NAME": "CoOp_MAO", ...} of a nested config."""
    flat: dict[str, Any] = {}
    for key, value in node.items():
        flat.update(_flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value})
    return flat


def checkpoint_path(folder: str, model_name: str, epoch: int) -> str:
    """Path of a checkpoint in Dassl's layout.

    ``epoch`` -1 stands for the checkpoint that step 1 was measured with: the best by validation where there is one
    (TEST.FINAL_MODEL best_val), else the newest.
    """
    models = os.path.join(folder, model_name)
    best = os.path.join(models, "model-best.pth.tar")
    if epoch < 0 and os.path.isfile(best):
        return best
    if epoch < 0:
        marker = os.path.join(models, "checkpoint")
        if not os.path.isfile(marker):
            raise MAOError(f"MAO.BASE_DIR {folder!r} holds no finished checkpoint of {model_name!r}: run step 1 to its "
                           "end with the same trainer")
        with open(marker, encoding="utf-8", errors="replace") as file:
            newest = file.readline(256).strip()
        number = re.search(r"-(\d+)$", newest)
        if number is None:
            raise MAOError(f"{marker!r} names no checkpoint with an epoch ({newest!r}): set MAO.BASE_EPOCH")
        epoch = int(number.group(1))
    path = os.path.join(models, f"model.pth.tar-{epoch}")
    if not os.path.isfile(path):
        raise MAOError(f"MAO.BASE_DIR has no checkpoint {path!r}: choose another MAO.BASE_EPOCH")
    return path


@torch.no_grad()
def _copy_state(state: Mapping[str, Any], model: nn.Module, further_per_class: Iterable[str], path: str,
                per_class: Collection[int] = ()) -> None:
    """Copy what a checkpoint holds into a model, except what belongs to the classes of the checkpoint's run.

    Raises:
        MAOError: a learnable parameter is missing in the file ``path``, has another shape or is not of finite numbers.
    """
    state = {_bare(name): value for name, value in state.items()}
    own = {_bare(name): value for name, value in [*model.named_buffers(), *model.named_parameters()]}
    of_classes = {_bare(f"{place}.{name}".lstrip(".")) for place, module in model.named_modules()
                  for name in per_class_names(module, further_per_class)}
    for name, value in own.items():
        found = state.get(name)
        if found is None:
            if value.requires_grad:
                raise MAOError(f"{path!r} has no entry {name!r}: MAO.BASE_DIR is of another trainer or depth")
        elif (not isinstance(found, torch.Tensor) or found.is_floating_point() != value.is_floating_point()
              or not torch.isfinite(found.float()).all()):
            if value.requires_grad:
                raise MAOError(f"{name} in {path!r} is no tensor of finite numbers: run step 1 again")
        elif found.shape != value.shape:
            if value.requires_grad:
                raise MAOError(
                    f"{name} has shape {tuple(found.shape)} in {path!r} and {tuple(value.shape)} in this run: "
                    "MAO.BASE_DIR is of another context length or backbone; use the configuration of step 1")
        elif name not in of_classes and id(value) not in per_class:
            value.copy_(found)


def _bare(name: str) -> str:
    """A name without the prefix that DataParallel gives it."""
    return name[len("module."):] if name.startswith("module.") else name
