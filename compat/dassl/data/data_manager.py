"""The loaders of a run, from its config."""
from collections.abc import Sequence
from typing import Any

import torch
from torch.utils.data import DataLoader
from yacs.config import CfgNode

from compat.errors import UserError

from .collate import collate
from .datasets.build import build_dataset
from .datasets.datum import Datum
from .samplers import build_sampler
from .transforms.build import build_transform
from .wrapper import DatasetWrapper, Transforms

__all__ = ["DataManager", "DatasetWrapper", "build_data_loader"]

WORKER_SECONDS = 600.0  # to wait for a batch: a worker that takes longer hangs, on a dead network drive for example


def build_data_loader(cfg: CfgNode, sampler_type: str = "SequentialSampler", data_source: Sequence[Datum] | None = None,
                      batch_size: int = 64, n_domain: int = 0, n_ins: int = 2,
                      tfm: Transforms | None = None, is_train: bool = True,
                      dataset_wrapper: type[DatasetWrapper] | None = None) -> DataLoader[dict[str, Any]]:
    """DataLoader of batches, which are dicts as ``DatasetWrapper`` says, with a leading batch dimension.

    A smaller last batch is dropped in training if there is a full one. Worker processes live as long as the loader.

    Args:
        n_domain, n_ins: for samplers that choose domains or instances. dataset_wrapper: class to use instead of
            DatasetWrapper.

    Raises:
        UserError: ``data_source`` is empty. UnknownNameError: there is no such sampler.
    """
    if not data_source:
        raise UserError(f"the {'training' if is_train else 'val or test'} split of {cfg.DATASET.NAME!r} has no image")
    generator = _generator(cfg)
    sampler = build_sampler(sampler_type, cfg=cfg, data_source=data_source, batch_size=batch_size, n_domain=n_domain,
                            n_ins=n_ins, generator=_generator(cfg))
    workers = cfg.DATALOADER.NUM_WORKERS
    return DataLoader(
        (dataset_wrapper or DatasetWrapper)(cfg, data_source, transform=tfm, is_train=is_train),
        batch_size=batch_size,
        sampler=sampler,
        num_workers=workers,
        persistent_workers=workers > 0,
        timeout=WORKER_SECONDS if workers else 0,
        drop_last=is_train and len(data_source) >= batch_size,
        pin_memory=torch.cuda.is_available() and cfg.USE_CUDA,
        collate_fn=collate,
        generator=generator,
    )


def _generator(cfg: CfgNode) -> torch.Generator:
    """A generator of its own for each use, so that loading never draws from the global random numbers."""
    generator = torch.Generator()
    if cfg.SEED >= 0:
        generator.manual_seed(cfg.SEED)
    else:
        generator.seed()
    return generator


class DataManager:
    """Data set and loaders of a run.

    Attributes:
        dataset: the ``DatasetBase`` of DATASET.NAME. num_classes. num_source_domains. lab2cname: label to class name.
        train_loader_x, test_loader. train_loader_u, val_loader: None if the data set has no such images.

    Args:
        custom_tfm_train, custom_tfm_test: transforms instead of the config's. dataset_wrapper: see build_data_loader.
    """

    def __init__(self, cfg: CfgNode, custom_tfm_train: Transforms | None = None,
                 custom_tfm_test: Transforms | None = None,
                 dataset_wrapper: type[DatasetWrapper] | None = None) -> None:
        self.dataset = build_dataset(cfg)
        tfm_train = build_transform(cfg, is_train=True) if custom_tfm_train is None else custom_tfm_train
        tfm_test = build_transform(cfg, is_train=False) if custom_tfm_test is None else custom_tfm_test

        def loader(source: Sequence[Datum], is_train: bool, options: CfgNode) -> DataLoader[dict[str, Any]]:
            return build_data_loader(
                cfg, sampler_type=options.SAMPLER, data_source=source, batch_size=options.BATCH_SIZE,
                n_domain=options.get("N_DOMAIN", 0), n_ins=options.get("N_INS", 2),
                tfm=tfm_train if is_train else tfm_test, is_train=is_train, dataset_wrapper=dataset_wrapper)

        for split, images in (("train", self.dataset.train_x), ("test", self.dataset.test)):
            if not images:
                raise UserError(f"data set {cfg.DATASET.NAME!r} has no {split} image")
        options = cfg.DATALOADER
        unlabelled = options.TRAIN_X if options.TRAIN_U.SAME_AS_X else options.TRAIN_U
        self.train_loader_x = loader(self.dataset.train_x, True, options.TRAIN_X)
        self.train_loader_u = loader(self.dataset.train_u, True, unlabelled) if self.dataset.train_u else None
        self.val_loader = loader(self.dataset.val, False, options.TEST) if self.dataset.val else None
        self.test_loader = loader(self.dataset.test, False, options.TEST)
        self.num_classes = self.dataset.num_classes
        self.num_source_domains = len(cfg.DATASET.SOURCE_DOMAINS)
        self.lab2cname = self.dataset.lab2cname
        if cfg.VERBOSE:
            self.show_dataset_summary(cfg)

    def show_dataset_summary(self, cfg: CfgNode) -> None:
        """Print the sizes of the data set."""
        rows = [("dataset", cfg.DATASET.NAME)]
        rows += [(f"{which} domains", ", ".join(names)) for which, names in (
            ("source", cfg.DATASET.SOURCE_DOMAINS), ("target", cfg.DATASET.TARGET_DOMAINS)) if names]
        rows.append(("classes", f"{self.num_classes:,}"))
        rows += [(split, f"{len(images):,}") for split, images in (
            ("train_x", self.dataset.train_x), ("train_u", self.dataset.train_u), ("val", self.dataset.val),
            ("test", self.dataset.test)) if images]
        width = max(len(name) for name, _ in rows)
        print("\n".join(f"{name:{width}}  {value}" for name, value in rows))
