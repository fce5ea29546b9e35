"""The run of step 1 that step 2 starts from: what it was, where its prompts are, whether they fit."""
from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping

import torch
from dassl.utils import load_checkpoint
from torch import nn
from yacs.config import CfgNode

from .errors import MAOError
from .host_contract import per_class_names

FACTS_FILE = "mao_base.json"


def run_facts(cfg: CfgNode) -> dict[str, object]:
    """What has to agree between step 1 and step 2."""
    return {
        "trainer": cfg.TRAINER.NAME,
        "dataset": cfg.DATASET.NAME,
        "seed": cfg.SEED,
        "shots": cfg.DATASET.NUM_SHOTS,
        "backbone": cfg.MODEL.BACKBONE.NAME,
    }


def write_run_facts(cfg: CfgNode) -> None:
    """Leave the facts of a step-1 run in its output folder, for step 2 to check."""
    os.makedirs(cfg.OUTPUT_DIR, exist_ok=True)
    path = os.path.join(cfg.OUTPUT_DIR, FACTS_FILE)
    with open(path + ".tmp", "w", encoding="utf-8") as file:
        json.dump(run_facts(cfg), file, indent=1)
    os.replace(path + ".tmp", path)


def load_base_prompts(cfg: CfgNode, models: Mapping[str, nn.Module], further_per_class: Iterable[str] = ()) -> None:
    """Copy the prompts of step 1 into the models of a run of step 2.

    They are read here and not by the host's ``load_model``: hosts name the best epoch in different ways (None, -1), and
    some leave nothing out, so they refuse or take over what the checkpoint holds of step 1's classes.

    Args:
        models: by the names that their checkpoints are saved under. further_per_class: names beside ``PER_CLASS``.

    Raises:
        MAOError: MAO.BASE_DIR is not set, missing, empty, of another run, or its prompts have other shapes.
    """
    check_base_dir(cfg)
    for name, model in models.items():
        path = checkpoint_path(cfg.MAO.BASE_DIR, name, cfg.MAO.BASE_EPOCH)
        _copy_state(load_checkpoint(path)["state_dict"], model, further_per_class, path)
        print(f"MAO step 2: {name} starts from {path}")


def check_base_dir(cfg: CfgNode) -> None:
    """Raise MAOError unless MAO.BASE_DIR is the output folder of the step 1 that this run goes on from."""
    folder = cfg.MAO.BASE_DIR
    if not folder:
        raise MAOError("step 2 starts from the prompts of step 1, but MAO.BASE_DIR is not set: give step 1's output "
                       "folder")
    if not os.path.isdir(folder):
        raise MAOError(f"MAO.BASE_DIR {folder!r} does not exist: run step 1 first, or correct the path")
    if not os.listdir(folder):
        raise MAOError(f"MAO.BASE_DIR {folder!r} is empty: run step 1 first")
    path = os.path.join(folder, FACTS_FILE)
    if not os.path.isfile(path):
        print(f"MAO: {folder} has no {FACTS_FILE}: cannot check that it is step 1 of this run")
        return
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except ValueError as error:
        raise MAOError(f"{path!r} is damaged ({error}): run step 1 again") from error
    for key, expected in run_facts(cfg).items():
        if found.get(key) != expected:
            raise MAOError(f"MAO.BASE_DIR {folder!r} is of {key} {found.get(key)!r}, this run of {expected!r}: give "
                           "the folder of the matching step 1")


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
        with open(marker, encoding="utf-8") as file:
            newest = file.read().strip()
        number = re.search(r"-(\d+)$", newest)
        if number is None:
            raise MAOError(f"{marker!r} names no checkpoint with an epoch ({newest!r}): set MAO.BASE_EPOCH")
        epoch = int(number.group(1))
    path = os.path.join(models, f"model.pth.tar-{epoch}")
    if not os.path.isfile(path):
        raise MAOError(f"MAO.BASE_DIR has no checkpoint {path!r}: choose another MAO.BASE_EPOCH")
    return path


@torch.no_grad()
def _copy_state(state: dict[str, torch.Tensor], model: nn.Module, further_per_class: Iterable[str], path: str) -> None:
    """Copy what a checkpoint holds into a model, except what belongs to the classes of the checkpoint's run.

    Raises:
        MAOError: a learnable parameter is missing in the file ``path`` or has another shape.
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
        elif found.shape != value.shape:
            if value.requires_grad:
                raise MAOError(
                    f"{name} has shape {tuple(found.shape)} in {path!r} and {tuple(value.shape)} in this run: "
                    "MAO.BASE_DIR is of another context length or backbone; use the configuration of step 1")
        elif name not in of_classes:
            value.copy_(found)


def _bare(name: str) -> str:
    """A name without the prefix that DataParallel gives it."""
    return name[len("module."):] if name.startswith("module.") else name
