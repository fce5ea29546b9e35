"""Read the recordings of GOLDEN_DIR and set up the trainers that they were made with."""
import importlib.util
import json
from types import SimpleNamespace

import numpy as np
import torch
from dassl.config import get_cfg_default
from dassl.engine import TRAINER_REGISTRY
from paths import GOLDEN_DIR, REPOSITORY

import trainers


def recordings(pattern):
    """Paths of the recordings that match a glob pattern, sorted."""
    return sorted(GOLDEN_DIR.glob(pattern))


def names(paths):
    return [path.stem for path in paths]


class Recording:
    """One .npz file: arrays by key (``record["loss"]``), ``meta`` from JSON, and the batches in it."""

    def __init__(self, path):
        with np.load(path, allow_pickle=False) as arrays:
            self.arrays = {key: arrays[key] for key in arrays.files}
        self.meta = json.loads(str(self.arrays["meta"]))

    def __getitem__(self, key):
        return torch.from_numpy(np.array(self.arrays[key]))

    def __contains__(self, key):
        return key in self.arrays

    @property
    def classnames(self):
        return [str(name) for name in self.arrays["classnames"]]

    def batches(self):
        """Batches 0, 1, ... as Dassl's loaders give them."""
        count = sum(key.startswith("images_") for key in self.arrays)
        return [{"img": self[f"images_{k}"], "label": self[f"labels_{k}"]} for k in range(count)]

    def group(self, prefix):
        """{name: tensor} of the keys ``prefix/name``."""
        return {key[len(prefix) + 1:]: self[key] for key in self.arrays if key.startswith(prefix + "/")}


def tiny_clip():
    """The module that makes the recordings' CLIP weights."""
    path = next(folder / "tiny_clip.py" for folder in (GOLDEN_DIR, REPOSITORY / "tests" / "golden")
                if (folder / "tiny_clip.py").is_file())
    spec = importlib.util.spec_from_file_location("tiny_clip", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def save_tiny_clip(spec, folder):
    """Write the CLIP of a recording as a state dict with the three extra entries of OpenAI's archives; its path."""
    state = tiny_clip().tiny_clip_state_dict(**spec)
    state.update(input_resolution=torch.tensor(0), context_length=torch.tensor(77), vocab_size=torch.tensor(49408))
    path = folder / "clip.pt"
    torch.save(state, path)
    return path


def make_trainer(name, classnames, clip_path, options, image_size):
    """Trainer of the registry with its model built for given class names; it has no data set and no loaders."""
    cfg = get_cfg_default()
    cfg.DATASET.SUBSAMPLE_CLASSES = "all"
    trainers.extend_cfg(cfg)
    precisions = [word for node in cfg.TRAINER if "PREC" in cfg.TRAINER[node]
                  for word in (f"TRAINER.{node}.PREC", "fp32")]
    cfg.merge_from_list(["TRAINER.NAME", name, "MODEL.BACKBONE.NAME", str(clip_path), *precisions, "USE_CUDA", False,
                         "INPUT.SIZE", (image_size, image_size), "OPTIM.NAME", "sgd", "OPTIM.LR", 0.0035,
                         "OPTIM.MAX_EPOCH", 10, "OPTIM.LR_SCHEDULER", "cosine", *options])
    cfg.freeze()

    def without_data(trainer):
        trainer.dm = SimpleNamespace(dataset=SimpleNamespace(classnames=list(classnames)))
        trainer.lab2cname = dict(enumerate(classnames))
        trainer.num_classes = len(classnames)

    return type(name, (TRAINER_REGISTRY.get(name),), {"build_data_loader": without_data})(cfg)


TRAINERS = {"MAO_PromptSRC_Base": "PromptSRC_MAO", "MAO_PromptSRC_New": "PromptSRC_MAO"}
"""Trainers that have another name here than where they were recorded."""


def recorded_trainer(record, folder, extra=(), name=None):
    """The trainer of a recording at its recorded initial parameters; checks that the learnable ones are the same."""
    path = save_tiny_clip(record.meta["clip"], folder)
    options = [*record.meta["opts"], *extra]
    name = name or TRAINERS.get(record.meta["trainer"], record.meta["trainer"])
    trainer = make_trainer(name, record.classnames, path, options, record["images_0"].shape[-1])
    initial = record.group("init")
    assert {n for n, p in trainer.model.named_parameters() if p.requires_grad} == set(initial)
    put_in(trainer, initial)
    return trainer


@torch.no_grad()
def put_in(trainer, parameters):
    """Give parameters of a trainer's model the values of {name: tensor}."""
    for key, value in parameters.items():
        parameter = trainer.model.get_parameter(key)
        assert parameter.shape == value.shape, key
        parameter.copy_(value)


def step(trainer, batch, last_of_epoch):
    """One training step of a trainer on a batch; returns its loss."""
    trainer.batch_idx, trainer.num_batches = 0, 1 if last_of_epoch else 2
    trainer.set_model_mode("train")
    return trainer.forward_backward(batch)["loss"]


def assert_close(found, expected, bound, what=""):
    """Assert that no entry differs by more than ``bound``."""
    found, expected = torch.as_tensor(found).detach().double(), torch.as_tensor(expected).double()
    assert found.shape == expected.shape, f"{what}: shape {tuple(found.shape)}, expected {tuple(expected.shape)}"
    worst = (found - expected).abs().max().item() if found.numel() else 0.0
    assert worst <= bound, f"{what}: worst difference {worst:.3g}, bound {bound:g}"
