"""A toy run of the engine: coloured squares in PNG files, a linear classifier on their pixels.

Run as a program it trains once: ``python toy.py FOLDER [KEY VALUE ...]``; images and output lie in FOLDER.
"""
import os
import random
import signal
import sys
from pathlib import Path

import numpy as np
import torch
from dassl.config import get_cfg_default
from dassl.data.datasets import DATASET_REGISTRY, DatasetBase, Datum
from dassl.engine import TRAINER_REGISTRY, TrainerX, build_trainer
from dassl.metrics import compute_accuracy
from dassl.optim import build_lr_scheduler, build_optimizer
from dassl.utils import set_random_seed
from PIL import Image
from torch import nn
from torch.nn import functional as F

CLASSES = ("red", "green", "blue")
SIDE = 8


def write_images(root, per_class=6):
    """Noisy squares as <root>/<split>/<class>_<k>.png."""
    rng = np.random.default_rng(0)
    for split in ("train", "val", "test"):
        folder = Path(root) / split
        folder.mkdir(parents=True, exist_ok=True)
        for label, name in enumerate(CLASSES):
            for k in range(per_class):
                pixels = rng.integers(0, 120, (12, 12, 3), dtype=np.uint8)
                pixels[..., label] += 60
                Image.fromarray(pixels).save(folder / f"{name}_{k}.png")


@DATASET_REGISTRY.register()
class Squares(DatasetBase):
    def __init__(self, cfg):
        def items(split):
            paths = sorted((Path(cfg.DATASET.ROOT) / split).glob("*.png"))
            names = [path.name.split("_")[0] for path in paths]
            return [Datum(str(path), CLASSES.index(name), classname=name) for path, name in zip(paths, names)]

        super().__init__(train_x=items("train"), train_u=items("train"), val=items("val"), test=items("test"))


@TRAINER_REGISTRY.register()
class Toy(TrainerX):
    """Dropout and Gaussian noise draw random numbers in the main process, as some trainers do."""

    kill_at = os.environ.get("TOY_KILL_AT")  # "epoch.batch": the process kills itself there

    def build_model(self):
        self.model = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 16), nn.Dropout(0.2), nn.Linear(16, 3))
        self.model.to(self.device)
        self.optim = build_optimizer(self.model, self.cfg.OPTIM)
        self.sched = build_lr_scheduler(self.optim, self.cfg.OPTIM)
        self.register_model("toy", self.model, self.optim, self.sched)
        self.history = []

    def forward_backward(self, batch):
        if self.kill_at == f"{self.epoch}.{self.batch_idx}":
            os.kill(os.getpid(), signal.SIGKILL)
        image, label, _ = self.parse_batch_train(batch)
        noise = random.random() + np.random.rand()
        logits = self.model(image + 0.01 * noise)
        loss = F.cross_entropy(logits, label)
        self.model_backward_and_update(loss)
        self.history.append((batch["index"].tolist(), loss.item()))
        if self.batch_idx + 1 == self.num_batches:
            self.update_lr()
        return {"loss": loss.item(), "acc": compute_accuracy(logits, label)[0].item()}

    def extra_state(self):
        return {"history": self.history}

    def load_extra_state(self, state):
        self.history = state["history"]

    def after_train(self):
        if self.kill_at == "before test":
            os.kill(os.getpid(), signal.SIGKILL)
        super().after_train()


def toy_config(folder, *options):
    cfg = get_cfg_default()
    cfg.merge_from_list([
        "TRAINER.NAME", "Toy", "DATASET.NAME", "Squares", "DATASET.ROOT", str(Path(folder) / "images"),
        "OUTPUT_DIR", str(Path(folder) / "output"), "SEED", 1, "USE_CUDA", False, "VERBOSE", False,
        "INPUT.SIZE", (SIDE, SIDE), "INPUT.TRANSFORMS", ("random_resized_crop", "random_flip", "normalize"),
        "DATALOADER.NUM_WORKERS", 0, "DATALOADER.TRAIN_X.BATCH_SIZE", 4, "OPTIM.NAME", "sgd", "OPTIM.LR", 0.05,
        "OPTIM.MAX_EPOCH", 4, "OPTIM.LR_SCHEDULER", "cosine", "OPTIM.WARMUP_EPOCH", 1, "OPTIM.WARMUP_TYPE", "constant",
        *options])
    cfg.freeze()
    return cfg


def toy_trainer(folder, *options):
    """A trainer of the toy run; writes the images first if they are not there."""
    if not (Path(folder) / "images").exists():
        write_images(Path(folder) / "images")
    cfg = toy_config(folder, *options)
    if cfg.SEED >= 0:
        set_random_seed(cfg.SEED)
    return build_trainer(cfg)


if __name__ == "__main__":
    torch.set_num_threads(1)
    toy_trainer(sys.argv[1], *sys.argv[2:]).train()
