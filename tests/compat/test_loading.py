"""Loading of batches: contents, order and augmentation by (seed, epoch), workers, samplers."""
import os
import random
import re
import signal
import time

import numpy as np
import pytest
import torch
from dassl.config import get_cfg_default
from dassl.data import DatasetWrapper, data_manager, seed_epoch
from dassl.data.data_manager import build_data_loader
from dassl.data.datasets import Datum
from dassl.data.samplers import build_sampler
from dassl.data.seeding import derive_seed
from dassl.data.transforms import build_transform
from PIL import Image
from torch.utils.data import DataLoader

from compat.errors import UserError, explained

N = 12


def config(**changes):
    cfg = get_cfg_default()
    cfg.VERBOSE, cfg.SEED, cfg.DATALOADER.NUM_WORKERS = False, 1, 0
    cfg.INPUT.SIZE, cfg.INPUT.TRANSFORMS = (8, 8), ("random_resized_crop", "random_flip", "normalize")
    for key, value in changes.items():
        cfg.DATALOADER[key] = value
    return cfg


@pytest.fixture
def items(tmp_path):
    rng = np.random.default_rng(0)
    made = []
    for k in range(N):
        path = str(tmp_path / f"{k}.png")
        Image.fromarray(rng.integers(0, 256, (10, 10, 3), dtype=np.uint8)).save(path)
        made.append(Datum(path, label=k % 3, domain=k // 6, classname=f"c{k % 3}"))
    return made


def loader_of(items, is_train=True, batch_size=5, workers=0, sampler="RandomSampler", wrapper=None, **options):
    cfg = config(NUM_WORKERS=workers, **options)
    return build_data_loader(cfg, sampler_type=sampler, data_source=items, batch_size=batch_size, n_domain=0, n_ins=2,
                             tfm=build_transform(cfg, is_train=is_train), is_train=is_train, dataset_wrapper=wrapper)


def epochs(loader, which, base_seed=1):
    """(indices, images) of each of the epochs."""
    found = []
    for epoch in which:
        seed_epoch(loader, base_seed, epoch)
        batches = list(loader)
        found.append(([batch["index"].tolist() for batch in batches], torch.cat([batch["img"] for batch in batches])))
    return found


def same(one, other):
    return all(a[0] == b[0] and torch.equal(a[1], b[1]) for a, b in zip(one, other))


def test_items_hold_image_label_domain_path_and_index(items):
    loader = loader_of(items, is_train=False, sampler="SequentialSampler", RETURN_IMG0=True)
    batch = next(iter(loader))
    assert batch["img"].shape == batch["img0"].shape == (5, 3, 8, 8) and batch["img"].dtype == torch.float32
    assert batch["label"].tolist() == [0, 1, 2, 0, 1] and batch["label"].dtype == torch.int64
    assert batch["impath"] == [item.impath for item in items[:5]] and batch["index"].tolist() == [0, 1, 2, 3, 4]
    assert batch["domain"].tolist() == [0] * 5


def test_batches_of_workers_are_those_of_the_main_process(items):
    def batches(workers):
        return list(loader_of(items, is_train=False, sampler="SequentialSampler", workers=workers, RETURN_IMG0=True))

    for one, other in zip(batches(0), batches(2), strict=True):
        assert type(one) is type(other) is dict and list(one) == list(other)
        for key, value in one.items():
            if isinstance(value, torch.Tensor):
                assert value.dtype == other[key].dtype and torch.equal(value, other[key])
                other[key] += 1  # arrives writable
            else:
                assert value == other[key]


def test_several_transforms_give_several_views(items):
    cfg = config(K_TRANSFORMS=3)
    train, test = build_transform(cfg, is_train=True), build_transform(cfg, is_train=False)
    item = DatasetWrapper(cfg, items, transform=[train, test], is_train=True)[0]
    assert len(item["img"]) == len(item["img2"]) == 3 and not torch.equal(item["img"][0], item["img"][1])
    assert torch.equal(item["img2"][0], item["img2"][1])
    assert DatasetWrapper(cfg, items, transform=test)[0]["img"].shape == (3, 8, 8)
    assert DatasetWrapper(config(), items)[0]["img"].size == (10, 10)
    with pytest.raises(ValueError, match="needs a transform"):
        DatasetWrapper(cfg, items, is_train=True)


def test_a_smaller_last_batch_is_dropped_in_training_alone(items):
    assert [len(indices) for indices in epochs(loader_of(items), [0])[0][0]] == [5, 5]
    assert [len(indices) for indices in epochs(loader_of(items, batch_size=20), [0])[0][0]] == [12]
    test = loader_of(items, is_train=False, sampler="SequentialSampler")
    assert [len(indices) for indices in epochs(test, [0])[0][0]] == [5, 5, 2]


def test_seed_and_epoch_alone_decide(items):
    """Neither earlier epochs, nor global random numbers, nor workers have an influence; epochs and seeds differ."""
    reference = epochs(loader_of(items), range(3))
    assert reference[0][0] != reference[1][0] and not torch.equal(reference[0][1], reference[1][1])
    torch.manual_seed(5), random.seed(5), np.random.seed(5)
    assert same(epochs(loader_of(items), [2]), reference[2:])
    assert same(epochs(loader_of(items, workers=2), range(3)), reference)
    assert same(epochs(loader_of(items, workers=1), [1]), reference[1:2])
    assert not same(epochs(loader_of(items), range(3), base_seed=2), reference)


def test_loading_leaves_the_global_random_numbers_alone(items):
    torch.manual_seed(0), random.seed(0), np.random.seed(0)
    expected = torch.rand(1), random.random(), np.random.rand()
    torch.manual_seed(0), random.seed(0), np.random.seed(0)
    epochs(loader_of(items), range(2))
    assert (torch.rand(1), random.random(), np.random.rand()) == expected


class OwnBatches:
    """A batch sampler that a plug-in might bring."""

    def __init__(self):
        self.epoch = 0

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __len__(self):
        return 2

    def __iter__(self):
        return iter([[self.epoch, 3, 3], [7]])


@pytest.mark.parametrize("workers", [0, 2])
def test_a_batch_sampler_made_elsewhere_follows_the_epoch(items, workers):
    cfg = config()
    dataset = DatasetWrapper(cfg, items, transform=build_transform(cfg), is_train=True)
    loader = DataLoader(dataset, batch_sampler=OwnBatches(), num_workers=workers, persistent_workers=workers > 0)
    found = epochs(loader, range(2))
    assert [indices for indices, _ in found] == [[[0, 3, 3], [7]], [[1, 3, 3], [7]]]
    image = found[0][1]
    assert not torch.equal(image[1], image[2])  # two views of one image
    assert not torch.equal(image[3], found[1][1][3])  # of another epoch


class Views(DatasetWrapper):
    """A wrapper of a repository that only changes single items."""

    def __getitem__(self, idx):
        return {**super().__getitem__(idx), "view": random.random()}


def test_a_wrapper_of_a_repository_draws_the_same_in_workers(items):
    def views(workers):
        loader = loader_of(items, workers=workers, wrapper=Views)
        seed_epoch(loader, 1, 0)
        return [batch["view"].tolist() for batch in loader]

    assert views(0) == views(2)


def test_workers_persist_and_see_the_epoch(items):
    loader = loader_of(items, workers=2)
    first = epochs(loader, [0])
    processes = [worker.pid for worker in loader._iterator._workers]
    second = epochs(loader, [1])
    assert [worker.pid for worker in loader._iterator._workers] == processes
    assert not torch.equal(first[0][1], second[0][1])


@pytest.mark.parametrize("workers, contents, said", [
    (0, None, "there is no image"), (0, b"no picture", "cannot read image"), (1, b"no picture", "cannot read image")])
def test_an_unreadable_image_is_named(items, workers, contents, said):
    if contents is None:
        os.remove(items[4].impath)
    else:
        with open(items[4].impath, "wb") as file:
            file.write(contents)
    with pytest.raises(UserError) as caught:
        list(loader_of(items, is_train=False, sampler="SequentialSampler", workers=workers))
    assert f"{said} {items[4].impath!r}" in str(caught.value).strip().splitlines()[-1]


class Killed(DatasetWrapper):
    def __getitem__(self, idx):
        os.kill(os.getpid(), signal.SIGKILL)


class Hanging(DatasetWrapper):
    def __getitem__(self, idx):
        time.sleep(100)


@pytest.mark.parametrize("wrapper, said", [
    (Killed, "killed, perhaps for want of memory .*: lower .*NUM_WORKERS"), (Hanging, "no batch came .*NUM_WORKERS")])
def test_a_worker_that_dies_or_hangs_is_a_sentence(items, monkeypatch, wrapper, said):
    monkeypatch.setattr(data_manager, "WORKER_SECONDS", 1.0)
    loader = loader_of(items, workers=1, wrapper=wrapper)
    with pytest.raises(RuntimeError) as caught:
        list(loader)
    assert re.search(said, explained(caught.value))


def test_a_pipe_among_the_images_is_not_waited_for(items):
    os.remove(items[4].impath)
    os.mkfifo(items[4].impath)
    with pytest.raises(UserError, match="there is no image .*4.png"):
        list(loader_of(items))


@pytest.mark.parametrize("number", [1, 4, 5, 6])
@pytest.mark.parametrize("is_train", [True, False])
def test_few_images_make_at_least_one_batch(items, number, is_train):
    assert len(list(loader_of(items[:number], is_train))) == (2 if number == 6 and not is_train else 1)


def test_seeds_are_spread_and_fit():
    seeds = {derive_seed(seed, epoch, index) for seed in range(10) for epoch in range(10) for index in range(10)}
    assert len(seeds) == 1000 and all(0 <= seed < 2**63 for seed in seeds)
    assert derive_seed(1, 2) != derive_seed(12) != derive_seed(2, 1)


# Samplers

def drawn(name, items, batch_size, seed=0, **options):
    generator = torch.Generator().manual_seed(seed)
    sampler = build_sampler(name, data_source=items, batch_size=batch_size, generator=generator, **options)
    length = len(sampler)
    indices = list(sampler)
    assert length == len(indices)
    return [indices[start:start + batch_size] for start in range(0, len(indices), batch_size)]


def test_the_generator_alone_decides_the_random_order(items):
    assert drawn("SequentialSampler", items, 12) == [list(range(12))]
    shuffled = drawn("RandomSampler", items, 12)
    assert sorted(shuffled[0]) == list(range(12)) != shuffled[0]
    assert shuffled == drawn("RandomSampler", items, 12) != drawn("RandomSampler", items, 12, seed=1)


def test_batches_of_random_classes_have_so_many_of_each(items):
    batches = drawn("RandomClassSampler", items, 4, n_ins=2)
    assert batches and batches == drawn("RandomClassSampler", items, 4, n_ins=2)
    for batch in batches:
        labels = [items[index].label for index in batch]
        assert labels[0] == labels[1] != labels[2] == labels[3]
    used = sum(batches, [])
    assert len(used) == len(set(used))
    few = drawn("RandomClassSampler", items[:4], 4, n_ins=2)  # classes 1 and 2 have one image, drawn twice
    assert all(len(batch) == 4 for batch in few)


def test_batches_of_domains_have_equally_many_of_each(items):
    for name in ("SeqDomainSampler", "RandomDomainSampler"):
        batches = drawn(name, items, 4, n_domain=2)
        assert len(batches) == 3 and sorted(sum(batches, [])) == list(range(12))
        for batch in batches:
            assert sorted(items[index].domain for index in batch) == [0, 0, 1, 1]
    for batch in drawn("SeqDomainSampler", items, 4):
        assert [items[index].domain for index in batch] == [0, 0, 1, 1]
    one = drawn("RandomDomainSampler", items, 3, n_domain=1)
    assert all(len({items[index].domain for index in batch}) == 1 for batch in one) and len(one) == 4


@pytest.mark.parametrize("name, batch_size, options, said", [
    ("RandomSampelr", 4, {}, "SAMPLER 'RandomSampelr' is unknown.*did you mean 'RandomSampler'"),
    ("RandomDomainSampler", 4, {"n_domain": 3}, "from 3 groups: the training images have 2"),
    ("SeqDomainSampler", 5, {}, "cannot divide a batch of 5 by 2 groups"),
    ("RandomClassSampler", 5, {"n_ins": 2}, "cannot divide a batch of 5 by 2 groups of 2"),
    ("RandomClassSampler", 1, {"n_ins": 2}, "BATCH_SIZE .1. to be at least N_INS"),
])
def test_samplers_refuse_batches_that_they_cannot_fill(items, name, batch_size, options, said):
    with pytest.raises(UserError, match=said):
        build_sampler(name, data_source=items, batch_size=batch_size, **options)


def test_a_sampler_in_a_loader_follows_the_epoch(items):
    loader = loader_of(items, batch_size=4, sampler="RandomClassSampler")
    one, two = epochs(loader, [0, 1])
    again = loader_of(items, batch_size=4, sampler="RandomClassSampler")
    assert one[0] != two[0] and epochs(again, [1])[0][0] == two[0]
