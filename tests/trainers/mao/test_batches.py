"""Enlarged batches: what is in them, that they repeat by seed and epoch, and that workers make them."""
import os

import pytest
import torch
from dassl.config import get_cfg_default
from dassl.data.data_manager import DatasetWrapper, build_data_loader
from dassl.data.datasets import Datum
from dassl.data.transforms import build_transform
from PIL import Image

from trainers import extend_cfg
from trainers.mao.batches import EnlargedBatchSampler, enlarged_loader
from trainers.mao.errors import MAOError

NAMES = [f"class {k}" for k in range(6)]
TABLE = [[(k + 1) % 6, (k + 2) % 6] for k in range(6)]


def sampler(seed=1, batch_size=2):
    pool = {label: [12 + 3 * label + k for k in range(3)] for label in range(6)}
    return EnlargedBatchSampler([k % 6 for k in range(12)], pool, TABLE, batch_size, seed)


def label_of(index):
    return index % 6 if index < 12 else (index - 12) // 3


def test_every_anchor_comes_once_per_epoch_with_its_negatives_from_the_pool():
    batches = list(sampler())
    assert len(batches) == len(sampler()) == 6
    anchors = [index for batch in batches for index in batch if index < 12]
    assert sorted(anchors) == list(range(12))
    for batch in batches:
        assert batch[0] < 12
        negatives = [label_of(index) for index in batch if index >= 12]
        here = {label_of(index) for index in batch if index < 12}
        assert not here & set(negatives) and len(negatives) == len(set(negatives))
        for label in TABLE[label_of(batch[0])]:
            assert label in here or label in negatives


def test_seed_and_epoch_fix_the_batches():
    one, other = sampler(), sampler()
    first = list(one)
    assert first == list(one) == list(other)
    one.set_epoch(1)
    assert list(one) != first
    other.set_epoch(1)
    assert list(one) == list(other)
    assert list(sampler(seed=2)) != first


def test_a_small_last_batch_is_dropped_unless_it_is_the_only_one():
    assert [sum(index < 12 for index in batch) for batch in sampler(batch_size=5)] == [5, 5]
    assert [sum(index < 12 for index in batch) for batch in sampler(batch_size=100)] == [12]


@pytest.fixture
def data(tmp_path):
    cfg = get_cfg_default()
    cfg.DATASET.SUBSAMPLE_CLASSES = "all"
    extend_cfg(cfg)
    cfg.INPUT.SIZE, cfg.INPUT.TRANSFORMS = (16, 16), ["random_flip", "normalize"]
    cfg.DATALOADER.TRAIN_X.BATCH_SIZE, cfg.DATALOADER.NUM_WORKERS, cfg.SEED = 2, 2, 1
    items = []
    for k in range(12):
        path = tmp_path / f"{k}.png"
        Image.new("RGB", (20, 20), (20 * k, 0, 0)).save(path)
        items.append(Datum(impath=str(path), label=k % 6, classname=NAMES[k % 6]))
    loader = build_data_loader(cfg, sampler_type="RandomSampler", data_source=items, batch_size=2,
                               tfm=build_transform(cfg, is_train=True), is_train=True, dataset_wrapper=None)
    return cfg, items, loader


def test_the_loader_keeps_wrapper_transform_and_workers(data):
    cfg, items, plain = data
    loader = enlarged_loader(plain, cfg, items, items, TABLE, NAMES, seed=1)
    assert isinstance(loader.dataset, DatasetWrapper) and loader.dataset.transform is plain.dataset.transform
    assert loader.num_workers == 2 and loader.persistent_workers
    for batch, indices in zip(loader, loader.batch_sampler):
        assert batch["label"].tolist() == [items[index % 12].label for index in indices]
        assert list(batch["impath"]) == [items[index % 12].impath for index in indices]
        assert batch["img"].shape == (len(indices), 3, 16, 16)


class WorkerProcess(DatasetWrapper):
    """Tells which process made an item."""

    def __getitem__(self, index):
        return {**super().__getitem__(index), "process": os.getpid()}

    def __getitems__(self, indices):
        return [{**item, "process": os.getpid()} for item in super().__getitems__(indices)]


def test_no_image_is_decoded_in_the_main_process(data):
    cfg, items, plain = data
    wrapped = WorkerProcess(cfg, items, transform=plain.dataset.transform, is_train=True)
    plain = torch.utils.data.DataLoader(wrapped, batch_size=2, num_workers=2)
    loader = enlarged_loader(plain, cfg, items, items, TABLE, NAMES, seed=1)
    processes = {pid for batch in loader for pid in batch["process"].tolist()}
    assert len(processes) == 2 and os.getpid() not in processes


def test_a_class_without_an_image_in_the_pool_is_named(data):
    cfg, items, plain = data
    pool = [item for item in items if item.label != 3]
    with pytest.raises(MAOError, match="no image of class 'class 3' in the pool"):
        enlarged_loader(plain, cfg, items, pool, TABLE, NAMES, seed=1)
