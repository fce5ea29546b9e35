"""Features of images in plain view, kept on disk: a tower that learns nothing sees each of them once, for all runs."""
import contextlib
import hashlib
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import PIL
import torch
import torchvision
from dassl.data.data_manager import DatasetWrapper
from dassl.engine import TrainerX
from torch import nn
from torch.utils.data import DataLoader, SequentialSampler

from compat.cache import cache_folder
from compat.errors import UserError, WriteError
from compat.files import atomic_write
from compat.tensor_files import read_tensors

from .clip_digest import module_digest

CODE = 1  # goes up when a change of the code changes features
# Keys of INPUT that have no say in how a test image is read
OF_TRAINING = ("TRANSFORMS", "CROP_", "RRCROP_", "CUTOUT_", "GN_", "RANDAUGMENT_", "COLORJITTER_", "RGS_", "GB_")
LARGEST_MB = 256  # default of TEST.FEATURE_CACHE_MB: 130,000 images of a ViT-B/16 in fp32


@contextlib.contextmanager
def kept_features(trainer: TrainerX, tower: nn.Module | None, split: str | None) -> Iterator[None]:
    """Inside, the trainer's ``test(split)`` takes the features of its images from disk, or keeps them there at its end.

    Args:
        tower: whose output is all that the trainer makes of images; None: there is no such tower, nothing is kept.
    """
    asked = split or trainer.cfg.TEST.SPLIT
    name = "val_loader" if asked == "val" and trainer.val_loader is not None else "test_loader"
    with contextlib.nullcontext() if tower is None else kept_loader(trainer, tower, name):
        yield


@contextlib.contextmanager
def kept_loader(trainer: TrainerX, tower: nn.Module, name: str, what: str = "test images") -> Iterator[None]:
    """Inside, a loader's images have their features from disk; or the block looks at all, and they are kept at its end.

    Logits are the same bit for bit: what stands for the images of a batch is what the tower made of that very batch.
    The next run finds the features as long as the tower's weights, the images' files, the transform, the batch size and
    what computes them are the same.

    Args:
        name: attribute of the trainer that the loader is. what: its images, in the line that says what was used.
    """
    largest = trainer.cfg.TEST.get("FEATURE_CACHE_MB", 0)
    loader = getattr(trainer, name)
    path = features_file(trainer, tower, loader) if largest else None
    if path is None:
        print(f"features of {what}: computed, and not kept")
        yield
    elif (features := read_features(path, len(loader.dataset), what)) is not None:
        print(f"features of {what}: read from {path}")
        with instead_of_images(trainer, name, tower, features):
            yield
    else:
        collector = Collector(len(loader.dataset), largest)
        hook = tower.register_forward_hook(collector)
        try:
            yield
        finally:
            hook.remove()
        collector.keep(path, what)


def features_file(trainer: TrainerX, tower: nn.Module, loader: DataLoader[dict[str, Any]]) -> Path | None:
    """Where the features of a loader's images are kept; None if what they depend on cannot be told."""
    wrapper = loader.dataset
    transform = repr(getattr(wrapper, "transform", None))
    compiled = trainer.cfg.MODEL.get("COMPILE", "")
    learns = any(parameter.requires_grad for parameter in tower.parameters())
    if type(wrapper) is not DatasetWrapper or type(loader.sampler) is not SequentialSampler or compiled or learns:
        return None
    if " at 0x" in transform:  # an object that does not say what it does
        return None
    try:
        images = [(item.impath, status.st_size, status.st_mtime_ns) for item in wrapper.data_source
                  for status in [os.stat(item.impath)]]
    except OSError:
        return None  # the loader has a sentence for it
    reading = {key: value for key, value in trainer.cfg.INPUT.items() if not key.startswith(OF_TRAINING)}
    cuda = torch.device(trainer.device).type == "cuda"
    machine = torch.cuda.get_device_name(trainer.device) if cuda else torch.backends.cpu.get_cpu_capability()
    known = [CODE, torch.__version__, torchvision.__version__, PIL.__version__, str(trainer.device), machine,
             torch.get_float32_matmul_precision(), loader.batch_size, transform, reading,
             module_digest(tower, tower.state_dict()), images]
    return cache_folder("features") / f"{hashlib.sha256(json.dumps(known).encode()).hexdigest()}.pt"


def read_features(path: Path, count: int, what: str) -> torch.Tensor | None:
    """The kept features (count, dimension); None if there are none, or, with a line, if the file is damaged."""
    if not path.is_file():
        return None
    try:
        features = read_tensors(str(path))
        if isinstance(features, torch.Tensor) and features.dim() == 2 and len(features) == count:
            return features
        why = "it holds something else"
    except (UserError, OSError) as error:
        why = " ".join(str(error).split())[:200]
    print(f"features of {what}: {path} is damaged ({why}) and is made anew")
    return None


@contextlib.contextmanager
def instead_of_images(trainer: TrainerX, name: str, tower: nn.Module, features: torch.Tensor) -> Iterator[None]:
    """Inside, one of the trainer's loaders gives features in the place of images, and the tower lets them pass."""
    loader = getattr(trainer, name)
    labels = torch.tensor([item.label for item in loader.dataset.data_source])
    batches = [{"img": images, "label": of_images} for images, of_images in zip(
        features.split(loader.batch_size), labels.split(loader.batch_size), strict=True)]
    setattr(trainer, name, batches)
    vars(tower)["forward"] = lambda images: images
    try:
        yield
    finally:
        del vars(tower)["forward"]
        setattr(trainer, name, loader)


class Collector:
    """Takes what a tower makes of each batch, unless all of it would be too large to keep.

    Args:
        count: of the images. largest: MB (2**20 bytes) that may be kept.
    """

    def __init__(self, count: int, largest: int) -> None:
        self.count, self.largest = count, largest
        self.batches: list[torch.Tensor] = []
        self.megabytes = 0.0

    def __call__(self, module: nn.Module, images: Any, features: torch.Tensor) -> None:
        self.megabytes = self.count * features[0].nbytes / 2**20
        if self.megabytes <= self.largest:
            self.batches.append(features.detach().cpu())

    def keep(self, path: Path, what: str = "test images") -> None:
        """Write the features of all images, and say so."""
        if self.megabytes > self.largest:
            print(f"features of {what}: computed, and not kept: {self.megabytes:.0f} MB are more than "
                  f"TEST.FEATURE_CACHE_MB {self.largest}")
        elif sum(map(len, self.batches)) == self.count:
            buffer = io.BytesIO()
            torch.save(torch.cat(self.batches), buffer)
            try:
                with atomic_write(path) as file:
                    file.write(buffer.getbuffer())
                print(f"features of {what}: computed, and kept in {path}")
            except WriteError as error:
                print(f"features of {what}: computed, and not kept: {error}")
