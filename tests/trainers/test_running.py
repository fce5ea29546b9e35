"""What surrounds a trainer in a run."""
from types import SimpleNamespace

from torch.utils.data import DataLoader

from trainers.running import stop_workers


def test_workers_of_loaders_end_by_themselves():
    """They get their message to stop; otherwise each is waited for in vain for 5 s, then terminated (exit code -15)."""
    loader = DataLoader(list(range(8)), num_workers=2, persistent_workers=True)
    assert len(list(loader)) == 8
    workers = loader._iterator._workers
    assert all(worker.is_alive() for worker in workers)
    stop_workers(SimpleNamespace(train_loader_x=loader, test_loader=loader, epoch=3))
    assert [worker.exitcode for worker in workers] == [0, 0]
