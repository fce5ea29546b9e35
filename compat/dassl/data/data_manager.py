"""The loaders of a run, from its config."""
import torch
from torch.utils.data import DataLoader

from compat.errors import UserError

from .collate import collate
from .datasets.build import build_dataset
from .samplers import build_sampler
from .transforms.build import build_transform
from .wrapper import DatasetWrapper

__all__ = ["DataManager", "DatasetWrapper", "build_data_loader"]


def build_data_loader(cfg, sampler_type="SequentialSampler", data_source=None, batch_size=64, n_domain=0, n_ins=2,
                      tfm=None, is_train=True, dataset_wrapper=None):
    """DataLoader over a list of ``Datum``.

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
        drop_last=is_train and len(data_source) >= batch_size,
        pin_memory=torch.cuda.is_available() and cfg.USE_CUDA,
        collate_fn=collate,
        generator=generator,
    )


def _generator(cfg):
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

    def __init__(self, cfg, custom_tfm_train=None, custom_tfm_test=None, dataset_wrapper=None):
        self.dataset = build_dataset(cfg)
        tfm_train = build_transform(cfg, is_train=True) if custom_tfm_train is None else custom_tfm_train
        tfm_test = build_transform(cfg, is_train=False) if custom_tfm_test is None else custom_tfm_test

        def loader(source, options, tfm, is_train):
            if not source:
                return None
            return build_data_loader(
                cfg, sampler_type=options.SAMPLER, data_source=source, batch_size=options.BATCH_SIZE,
                n_domain=options.get("N_DOMAIN", 0), n_ins=options.get("N_INS", 2), tfm=tfm, is_train=is_train,
                dataset_wrapper=dataset_wrapper)

        options = cfg.DATALOADER
        unlabelled = options.TRAIN_X if options.TRAIN_U.SAME_AS_X else options.TRAIN_U
        self.train_loader_x = loader(self.dataset.train_x, options.TRAIN_X, tfm_train, True)
        self.train_loader_u = loader(self.dataset.train_u, unlabelled, tfm_train, True)
        self.val_loader = loader(self.dataset.val, options.TEST, tfm_test, False)
        self.test_loader = loader(self.dataset.test, options.TEST, tfm_test, False)
        for split, made in (("train", self.train_loader_x), ("test", self.test_loader)):
            if made is None:
                raise UserError(f"data set {cfg.DATASET.NAME!r} has no {split} image")
        self.num_classes = self.dataset.num_classes
        self.num_source_domains = len(cfg.DATASET.SOURCE_DOMAINS)
        self.lab2cname = self.dataset.lab2cname
        if cfg.VERBOSE:
            self.show_dataset_summary(cfg)

    def show_dataset_summary(self, cfg):
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
