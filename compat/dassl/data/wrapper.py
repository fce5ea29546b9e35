"""The torch data set that loaders iterate: reads images and transforms them."""
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from PIL import Image
from torch.utils.data import Dataset
from torchvision import transforms as T
from yacs.config import CfgNode

from ..utils.images import read_image
from .datasets.datum import Datum
from .seeding import derive_seed, seeded
from .transforms.build import INTERPOLATION_MODES, Transform

Transforms = Transform | Sequence[Transform]  # one, or several for several views of an image


class DatasetWrapper(Dataset[dict[str, Any]]):
    """A list of ``Datum`` as torch data set.

    An item is a dict: ``img``, float32 (3, height, width); ``label`` and ``domain``, ints; ``impath``; ``index``, its
    place in the list. A list of transforms gives ``img``, ``img2``, ...; DATALOADER.K_TRANSFORMS above 1 makes each of
    them a list of views; DATALOADER.RETURN_IMG0 adds ``img0``, without augmentation.

    In training, the random numbers of a batch's transforms follow from (seed, epoch, indices of the batch).

    Args:
        data_source: the images. transform: one, several, or None, which leaves PIL images. is_train: whether it is
            for training.
    """

    def __init__(self, cfg: CfgNode, data_source: Sequence[Datum], transform: Transforms | None = None,
                 is_train: bool = False) -> None:
        self.cfg = cfg
        self.data_source = data_source
        self.transform = transform
        self.is_train = is_train
        self.k_tfm = cfg.DATALOADER.K_TRANSFORMS if is_train else 1
        self.return_img0 = cfg.DATALOADER.RETURN_IMG0
        if self.k_tfm > 1 and transform is None:
            raise ValueError("DATALOADER.K_TRANSFORMS above 1 needs a transform")
        size = tuple(cfg.INPUT.SIZE)
        steps = [T.Resize(size, interpolation=INTERPOLATION_MODES[cfg.INPUT.INTERPOLATION]), T.ToTensor()]
        if "normalize" in cfg.INPUT.TRANSFORMS:
            steps.append(T.Normalize(mean=cfg.INPUT.PIXEL_MEAN, std=cfg.INPUT.PIXEL_STD))
        self.to_tensor = T.Compose(steps)
        # Shared memory: worker processes that live on see the change of epoch.
        self._seed_and_epoch = torch.tensor([max(cfg.SEED, 0), 0], dtype=torch.int64).share_memory_()

    def set_seed(self, seed: int) -> None:
        """Base seed of the transforms, an int below 2**63."""
        self._seed_and_epoch[0] = seed

    def set_epoch(self, epoch: int) -> None:
        """0-based epoch that the transforms are drawn for."""
        self._seed_and_epoch[1] = epoch

    def __len__(self) -> int:
        return len(self.data_source)

    def __getitem__(self, idx: int) -> dict[str, Any]:
        item = self.data_source[idx]
        output: dict[str, Any] = {"label": item.label, "domain": item.domain, "impath": item.impath, "index": idx}
        image = read_image(item.impath, self.cfg.INPUT.EXIF_ORIENTATION, self.cfg.INPUT.OVER_WHITE)
        if self.transform is None:
            output["img"] = image
        else:
            transforms = self.transform if isinstance(self.transform, Sequence) else [self.transform]
            for number, transform in enumerate(transforms, start=1):
                output["img" if number == 1 else f"img{number}"] = self._transform_image(transform, image)
        if self.return_img0:
            output["img0"] = self.to_tensor(image)
        return output

    def __getitems__(self, indices: Iterable[int]) -> list[dict[str, Any]]:
        """Items of a batch; DataLoader calls this."""
        indices = [int(index) for index in indices]
        if not self.is_train:
            return [self[index] for index in indices]
        seed, epoch = self._seed_and_epoch.tolist()
        with seeded(derive_seed(seed, epoch, *indices)):
            return [self[index] for index in indices]

    def _transform_image(self, transform: Transform, image: Image.Image) -> Any:
        """One view, or a list of K_TRANSFORMS of them; Dassl's name, which wrappers derived from this one call."""
        views = [transform(image) for _ in range(self.k_tfm)]
        return views[0] if self.k_tfm == 1 else views
