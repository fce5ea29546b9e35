"""DDE-base: enlarged batches, anchors and one image of each of their hard-negative classes."""
from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator

from dassl.data.datasets import Datum
from torch.utils.data import DataLoader, Sampler
from yacs.config import CfgNode

from .errors import MAOError
from .hard_negatives import compose_labels
from .run_data import in_view_of


class EnlargedBatchSampler(Sampler):
    """Batches of indices: each anchor followed by one random pool image of each class that it adds.

    Being a batch sampler, it leaves decoding and augmentation of all images to the DataLoader's workers.

    Args:
        anchor_labels: labels of the items 0..F-1, each of which is an anchor once per epoch.
        pool: label -> indices of the items that it is drawn from.
        table: hard negatives of each class (``hard_negative_table``).
        batch_size: anchors per batch; a smaller last batch is dropped, as in Dassl's loaders, unless it is the only
            one.
        seed: with the epoch it fixes the batches.
    """

    def __init__(self, anchor_labels: list[int], pool: dict[int, list[int]], table: list[list[int]], batch_size: int,
                 seed: int) -> None:
        self.anchor_labels = anchor_labels
        self.pool = pool
        self.table = table
        self.batch_size = min(batch_size, len(anchor_labels))
        self.seed = seed
        self.epoch = 0

    def set_seed(self, seed: int) -> None:
        """Called by the bundled engine, which keeps the seed of a run that was stopped."""
        self.seed = seed

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.anchor_labels) // self.batch_size

    def __iter__(self) -> Iterator[list[int]]:
        rng = random.Random(f"{self.seed}-{self.epoch}")
        order = list(range(len(self.anchor_labels)))
        rng.shuffle(order)
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            anchors = order[start:start + self.batch_size]
            added = compose_labels([self.anchor_labels[index] for index in anchors], self.table, rng)
            batch = []
            for anchor, negatives in zip(anchors, added):  # noqa: B905  strict= came with Python 3.10
                batch.append(anchor)
                batch.extend(rng.choice(self.pool[label]) for label in negatives)
            yield batch


def enlarged_loader(plain_loader: DataLoader, cfg: CfgNode, anchors: list[Datum], pool: list[Datum],
                    table: list[list[int]], classnames: list[str], seed: int) -> DataLoader:
    """DataLoader of enlarged batches with the train transform and the wrapper of Dassl's own train loader.

    Args:
        plain_loader: Dassl's train loader. table: hard negatives of each class.
        classnames: names in label order, for the error message. seed: see ``EnlargedBatchSampler``.

    Raises:
        MAOError: a class has no image in the pool.
    """
    by_label = defaultdict(list)
    for index, item in enumerate(pool, start=len(anchors)):
        by_label[item.label].append(index)
    empty = [name for label, name in enumerate(classnames) if not by_label[label]]
    if empty:
        raise MAOError(f"no image of class {empty[0]!r} in the pool of hard negatives (MAO.POOL {cfg.MAO.POOL}): add "
                       "images or leave the class out")
    dataset = in_view_of(plain_loader, cfg, [*anchors, *pool], is_train=True)
    sampler = EnlargedBatchSampler(
        [item.label for item in anchors], dict(by_label), table, cfg.DATALOADER.TRAIN_X.BATCH_SIZE, seed)
    workers = plain_loader.num_workers
    return DataLoader(
        dataset,
        batch_sampler=sampler,
        num_workers=workers,
        pin_memory=plain_loader.pin_memory,
        timeout=plain_loader.timeout,
        persistent_workers=workers > 0,
        worker_init_fn=plain_loader.worker_init_fn,
        collate_fn=plain_loader.collate_fn,
        generator=plain_loader.generator,
        prefetch_factor=plain_loader.prefetch_factor,
    )
