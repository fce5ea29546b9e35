"""The run of step 1 that step 2 starts from: what it was, where its prompts are, whether they fit."""
import json
import os
import re

import torch
from dassl.utils import load_checkpoint

from .errors import MAOError
from .host_contract import per_class_names

FACTS_FILE = "mao_base.json"


def run_facts(cfg):
    """What has to agree between step 1 and step 2."""
    return {
        "trainer": cfg.TRAINER.NAME,
        "dataset": cfg.DATASET.NAME,
        "seed": cfg.SEED,
        "shots": cfg.DATASET.NUM_SHOTS,
        "backbone": cfg.MODEL.BACKBONE.NAME,
    }


def write_run_facts(cfg):
    """Leave the facts of a step-1 run in its output folder, for step 2 to check."""
    os.makedirs(cfg.OUTPUT_DIR, exist_ok=True)
    path = os.path.join(cfg.OUTPUT_DIR, FACTS_FILE)
    with open(path + ".tmp", "w", encoding="utf-8") as file:
        json.dump(run_facts(cfg), file, indent=1)
    os.replace(path + ".tmp", path)


def _check_run_facts(cfg):
    path = os.path.join(cfg.MAO.BASE_DIR, FACTS_FILE)
    if not os.path.isfile(path):
        print("MAO: {} has no {}: cannot check that it is step 1 of this run".format(cfg.MAO.BASE_DIR, FACTS_FILE))
        return
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except ValueError as error:
        raise MAOError("{!r} is damaged ({}): run step 1 again".format(path, error)) from error
    for key, expected in run_facts(cfg).items():
        if found.get(key) != expected:
            raise MAOError("MAO.BASE_DIR {!r} is of {} {!r}, this run of {!r}: give the folder of the matching step 1"
                           .format(cfg.MAO.BASE_DIR, key, found.get(key), expected))


def load_base_prompts(trainer):
    """Load the prompts of step 1 into a host trainer through its own ``load_model``.

    Raises:
        MAOError: MAO.BASE_DIR is not set, missing, empty, of another run, or its prompts have other shapes.
    """
    cfg = trainer.cfg
    folder = cfg.MAO.BASE_DIR
    if not folder:
        raise MAOError("step 2 starts from the prompts of step 1, but MAO.BASE_DIR is not set: give step 1's output "
                       "folder")
    if not os.path.isdir(folder):
        raise MAOError("MAO.BASE_DIR {!r} does not exist: run step 1 first, or correct the path".format(folder))
    if not os.listdir(folder):
        raise MAOError("MAO.BASE_DIR {!r} is empty: run step 1 first".format(folder))
    _check_run_facts(cfg)
    epoch, states = None, {}
    for name in trainer.get_model_names():
        path, epoch = _checkpoint(folder, name, cfg.MAO.BASE_EPOCH)
        states[name] = _without_module(load_checkpoint(path)["state_dict"])
        _check_shapes(trainer._models[name], states[name], path)
    own_classes = _per_class_buffers(trainer)
    try:
        trainer.load_model(folder, epoch=epoch)
    except (OSError, TypeError, KeyError, ValueError, RuntimeError) as error:
        # It counts epochs in another way, or its checkpoints hold more of the classes than it leaves out.
        print("MAO: the host's load_model does not take epoch {} ({}): only what it learns is loaded".format(
            epoch, error))
    for name, state in states.items():  # whatever the loader made of the number, these are the ones
        _copy_learnable(trainer._models[name], state)
    for module, name, value in own_classes:  # a loader that left nothing out has put in those of step 1's classes
        module._buffers[name] = value


def _per_class_buffers(trainer):
    """(module, name, copy of the tensor) of what a host's checkpoints may hold of the classes of another run."""
    modules = [module for model in trainer._models.values() for module in model.modules()]
    return [(module, name, module._buffers[name].clone()) for module in modules
            for name in per_class_names(module, trainer.mao_per_class) if torch.is_tensor(module._buffers.get(name))]


def _without_module(state):
    """A state dict without the prefix that DataParallel gives its keys."""
    return {_bare(name): value for name, value in state.items()}


def _bare(name):
    return name[len("module."):] if name.startswith("module.") else name


def _learnable(module):
    """Learnable parameters of a module by their name without DataParallel's prefix."""
    return {_bare(name): parameter for name, parameter in module.named_parameters() if parameter.requires_grad}


@torch.no_grad()
def _copy_learnable(module, state):
    for name, parameter in _learnable(module).items():
        parameter.copy_(state[name])


def _checkpoint(folder, model_name, epoch):
    """(path, number for ``load_model``) of a checkpoint in Dassl's layout.

    ``epoch`` -1 means the checkpoint that step 1 was measured with: the best by validation where there is one
    (TEST.FINAL_MODEL best_val), for which hosts want the number None, else the newest.
    """
    models = os.path.join(folder, model_name)
    best = os.path.join(models, "model-best.pth.tar")
    if epoch < 0 and os.path.isfile(best):
        return best, None
    if epoch < 0:
        marker = os.path.join(models, "checkpoint")
        if not os.path.isfile(marker):
            raise MAOError("MAO.BASE_DIR {!r} holds no finished checkpoint of {!r}: run step 1 to its end with the "
                           "same trainer".format(folder, model_name))
        with open(marker, encoding="utf-8") as file:
            newest = file.read().strip()
        number = re.search(r"-(\d+)$", newest)
        if number is None:
            raise MAOError("{!r} names no checkpoint with an epoch ({!r}): set MAO.BASE_EPOCH".format(marker, newest))
        epoch = int(number.group(1))
    path = os.path.join(models, "model.pth.tar-{}".format(epoch))
    if not os.path.isfile(path):
        raise MAOError("MAO.BASE_DIR has no checkpoint {!r}: choose another MAO.BASE_EPOCH".format(path))
    return path, epoch


def _check_shapes(module, state, path):
    for name, parameter in _learnable(module).items():
        found = state.get(name)
        if found is None:
            raise MAOError("{!r} has no entry {!r}: MAO.BASE_DIR is of another trainer or depth".format(path, name))
        if found.shape != parameter.shape:
            raise MAOError(
                "{} has shape {} in {!r} and {} in this run: MAO.BASE_DIR is of another context length or backbone; "
                "use the configuration of step 1".format(name, tuple(found.shape), path, tuple(parameter.shape)))
