"""What surrounds a trainer in a run."""
import os
import warnings
from types import SimpleNamespace

import pytest
from small_run import call, make_room, words
from sweep_tools import records
from torch.utils.data import DataLoader

import train
from compat import cores
from compat.errors import UserError
from trainers.running import built_trainer, stop_workers


@pytest.fixture
def room(tmp_path):
    return make_room(tmp_path / "room")


def test_workers_are_as_many_as_cores_and_change_no_result(room, monkeypatch):
    """In all loaders, Dassl's and that of enlarged batches: torch warns of each that has too many."""
    warnings.filterwarnings("error", "This DataLoader will create")
    for output, workers in (("none", 0), ("many", 64)):
        done = call(words(room, trainer="CoOp_MAO", output=output, pairs=["DATALOADER.NUM_WORKERS", workers]))
        assert done.code == 0, done.sentences
    alone, beside = records(room / "none"), records(room / "many")
    assert alone["."] and beside == alone
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    argv = words(room, output="one", pairs=["DATALOADER.NUM_WORKERS", 64])
    with built_trainer(train.make_config(train.parse_arguments(argv))) as trainer:
        assert trainer.train_loader_x.num_workers == trainer.test_loader.num_workers == 1


def test_cores(monkeypatch):
    assert 1 <= cores.usable_cores() <= (os.cpu_count() or 1) and cores.workers_for(0) == 0
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "many")
    with pytest.raises(UserError, match="LOKY_MAX_CPU_COUNT .*'many'"):
        cores.usable_cores()


def test_workers_of_loaders_end_by_themselves():
    """They get their message to stop; otherwise each is waited for in vain for 5 s, then terminated (exit code -15)."""
    loader = DataLoader(list(range(8)), num_workers=2, persistent_workers=True)
    assert len(list(loader)) == 8
    workers = loader._iterator._workers
    assert all(worker.is_alive() for worker in workers)
    stop_workers(SimpleNamespace(train_loader_x=loader, test_loader=loader, epoch=3))
    assert [worker.exitcode for worker in workers] == [0, 0]


def test_a_trainer_that_is_only_tested_has_no_optimizer(room):
    cfg = train.make_config(train.parse_arguments(words(room, output="tested")))
    with built_trainer(cfg, trains=False) as trainer:
        assert trainer.get_model_names() and not trainer._named_optims() and not trainer._named_scheds()
        assert 0 <= trainer.test() <= 100
    with built_trainer(cfg) as trainer:
        assert trainer._named_optims() and trainer._named_scheds()
