"""A run that was stopped goes on bit for bit as if it had not been, and refuses the state of another run."""
import contextlib
import os
import signal
import subprocess
import sys

import pytest
import torch
import toy
from dassl.utils import load_checkpoint
from paths import IMPORT_PATH
from toy import toy_trainer

from compat.errors import UserError

STATE = "train_state.pth.tar"


@pytest.fixture(autouse=True)
def one_thread():
    """The killed runs are processes of their own: all of them add up in the same order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def run_killed(folder, kill_at, *options):
    """Train in a process that kills itself at "epoch.batch" or "before test"."""
    log = folder / "killed.log"
    with open(log, "w") as file:  # a pipe would be held open by its orphaned workers for some seconds
        done = subprocess.run([sys.executable, toy.__file__, str(folder), *map(str, options)], stdout=file, stderr=file,
                              env={**os.environ, "TOY_KILL_AT": kill_at, "PYTHONPATH": IMPORT_PATH}, timeout=120)
    assert done.returncode == -signal.SIGKILL, log.read_text()


def result(trainer):
    weights = {key: value.clone() for key, value in trainer.model.state_dict().items()}
    checkpoint = load_checkpoint(os.path.join(trainer.output_dir, "toy", f"model.pth.tar-{trainer.max_epoch}"))
    return weights, checkpoint, trainer.history


def assert_same(one, other):
    assert type(one) is type(other)
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        for a, b in zip(one, other):
            assert_same(a, b)
    else:
        assert one == other


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    trainer = toy_trainer(tmp_path_factory.mktemp("whole"))
    trainer.train()
    torch.set_num_threads(threads)
    return result(trainer)


@pytest.mark.parametrize("workers, kill_at, said", [
    (0, "2.1", "resuming from epoch 2 of 4"),
    (2, "3.2", "resuming from epoch 3 of 4"),
    (0, "before test", "resuming from epoch 4 of 4"),
])
def test_a_killed_run_gives_the_same_result(tmp_path, uninterrupted, capsys, workers, kill_at, said):
    options = ["DATALOADER.NUM_WORKERS", workers]
    run_killed(tmp_path, kill_at, *options)
    trainer = toy_trainer(tmp_path, *options)
    trainer.train()
    printed = capsys.readouterr().out
    assert said in printed and "* accuracy:" in printed
    assert_same(result(trainer), uninterrupted)
    trainer.remove_train_state()
    assert sorted(os.listdir(tmp_path / "output")) == ["tensorboard", "toy"]


def test_workers_do_not_change_the_result(tmp_path, uninterrupted):
    trainer = toy_trainer(tmp_path, "DATALOADER.NUM_WORKERS", 2)
    trainer.train()
    assert_same(result(trainer), uninterrupted)


def test_without_a_seed_a_stopped_run_keeps_the_one_that_was_drawn(tmp_path):
    """Without SEED the state keeps the seed that was drawn; the image order of an epoch follows from it."""
    class Stop(Exception):
        pass

    trainer = toy_trainer(tmp_path, "SEED", -1)
    trainer.train()
    whole = result(trainer)
    trainer.remove_train_state()

    stopped = toy_trainer(tmp_path, "SEED", -1)
    stopped.base_seed = trainer.base_seed

    def stop():
        raise Stop

    stopped.after_train = stop
    with pytest.raises(Stop):
        stopped.train()
    again = toy_trainer(tmp_path, "SEED", -1)
    again.train()
    assert again.base_seed == trainer.base_seed
    assert [indices for indices, _ in again.history] == [indices for indices, _ in whole[2]]


def test_the_state_of_another_configuration_is_refused(tmp_path):
    stopped = toy_trainer(tmp_path)
    stopped.end_train_state = lambda: None
    stopped.train()
    for _ in ("stopped", "finished"):
        with pytest.raises(UserError, match="configuration .OPTIM.LR is 0.05 there and 0.1 here. *: give another"):
            toy_trainer(tmp_path, "OPTIM.LR", 0.1).train()
        toy_trainer(tmp_path).train()
        assert not (tmp_path / "output" / STATE).exists()
    toy_trainer(tmp_path, "DATALOADER.NUM_WORKERS", 1, "TRAIN.PRINT_FREQ", 1).train()  # these change no number


@pytest.mark.parametrize("schedule", [
    ["cosine"], ["single_step", "OPTIM.GAMMA", 0.5], ["cosine", "OPTIM.WARMUP_EPOCH", 0]])
def test_a_finished_run_is_made_longer(tmp_path, schedule, capsys):
    """It goes on at the rates of a run of that length, and not where the shorter one's schedule ended."""
    def rates(epochs):
        trainer, seen = toy_trainer(tmp_path, "OPTIM.LR_SCHEDULER", *schedule, "OPTIM.MAX_EPOCH", epochs), []
        trainer.before_epoch = lambda: seen.append((trainer.epoch, trainer.get_current_lr()))
        trainer.train()
        return seen, trainer

    (short, _), (rest, longer) = rates(2), rates(4)
    assert "resumed from" in capsys.readouterr().out and [epoch for epoch, _ in rest] == [2, 3]
    assert sorted(os.listdir(tmp_path / "output")) == ["tensorboard", "toy", "train_finished.json"]
    longer.remove_train_state()
    whole, _ = rates(4)
    assert [rate for _, rate in rest] == pytest.approx([rate for _, rate in whole[2:]], rel=1e-12)
    assert min(rate for _, rate in rest) > 1e-4 and len(short) == 2
    with pytest.raises(UserError, match="is of epoch 4, and OPTIM.MAX_EPOCH is 3"):
        rates(3)


def test_the_best_of_a_finished_run_counts_when_it_is_made_longer(tmp_path):
    options = ["TEST.FINAL_MODEL", "best_val"]
    first = toy_trainer(tmp_path, *options, "OPTIM.MAX_EPOCH", 2)
    first.train()
    first.best_result = 101.0
    first.end_train_state()
    longer = toy_trainer(tmp_path, *options)
    best = (tmp_path / "output" / "toy" / "model-best.pth.tar").read_bytes()
    longer.train()
    assert longer.epoch == 3 and (tmp_path / "output" / "toy" / "model-best.pth.tar").read_bytes() == best


def test_facts_of_a_finished_run_that_are_damaged_are_refused(tmp_path):
    toy_trainer(tmp_path, "OPTIM.MAX_EPOCH", 1).train()
    for damaged in ("{", "[]", '{"config": {}}', '{"config": {}, "best_result": "a", "base_seed": 1}'):
        (tmp_path / "output" / "train_finished.json").write_text(damaged)
        with pytest.raises(UserError, match="train_finished.json' is damaged"):
            toy_trainer(tmp_path).train()


@toy.TRAINER_REGISTRY.register()
class WithFrozenParts(toy.Toy):
    """A frozen tower that is large, a frozen scale that changes all the same, and running means."""

    def build_model(self):
        super().build_model()
        inputs = 3 * toy.SIDE * toy.SIDE
        tower, scale = torch.nn.Linear(inputs, inputs).requires_grad_(False), torch.nn.PReLU().requires_grad_(False)
        self.model = torch.nn.Sequential(torch.nn.Flatten(), tower, torch.nn.BatchNorm1d(inputs), scale,
                                         *list(self.model)[1:])
        tower.register_buffer("means", torch.zeros(inputs))
        self._models["toy"] = torch.nn.DataParallel(self.model)

    def after_epoch(self):
        self.model[3].weight.data *= 0.9
        super().after_epoch()


def frozen_run(folder, *options, stop=False):
    trainer = toy_trainer(folder, "TRAINER.NAME", "WithFrozenParts", *options)
    if stop:
        trainer.before_epoch = lambda: 1 / (trainer.epoch - 2)  # before the third epoch
    with pytest.raises(ZeroDivisionError) if stop else contextlib.nullcontext():
        trainer.train()
    return trainer


def test_the_state_holds_what_training_changes_and_gives_the_same_result(tmp_path):
    (tmp_path / "whole").mkdir()
    whole = result(frozen_run(tmp_path / "whole"))
    stopped = frozen_run(tmp_path, stop=True)
    path = tmp_path / "output" / STATE
    saved = torch.load(path, weights_only=True)["models"]["toy"]
    assert set(saved["left_out"]) == {"1.weight", "1.bias", "1.means"}
    assert set(saved["state_dict"]) == set(stopped.model.state_dict()) - {"1.weight", "1.bias", "1.means"}
    assert path.stat().st_size < stopped.model[1].weight.nbytes / 2
    assert_same(result(frozen_run(tmp_path)), whole)


def test_a_state_is_not_put_onto_other_frozen_weights(tmp_path, monkeypatch):
    frozen_run(tmp_path, stop=True)
    original = WithFrozenParts.build_model

    def change(entry):
        def build_other(self):
            original(self)
            self.model.state_dict()[entry].add_(1e-3)

        monkeypatch.setattr(WithFrozenParts, "build_model", build_other)

    change("1.bias")
    with pytest.raises(UserError, match="run whose '1.bias' was another one than here: give the backbone's weights"):
        frozen_run(tmp_path)
    change("1.means")  # a buffer may be computed, and elsewhere with other last digits
    with pytest.warns(UserWarning, match="'1.means' is not quite what it was .*: the run goes on"):
        assert frozen_run(tmp_path).start_epoch == 2


def test_without_a_seed_the_state_holds_all(tmp_path):
    """What is drawn when the model is built is drawn anew."""
    trainer = frozen_run(tmp_path, "SEED", -1, stop=True)
    saved = torch.load(tmp_path / "output" / STATE, weights_only=True)["models"]["toy"]
    assert set(saved["state_dict"]) == set(trainer.model.state_dict()) and not saved["left_out"]


def test_files_that_are_no_state_are_refused(tmp_path):
    trainer = toy_trainer(tmp_path)
    os.makedirs(tmp_path / "output")
    torch.save({"epoch": 1}, tmp_path / "output" / STATE)
    with pytest.raises(UserError, match="not the state of a run .config is missing"):
        trainer.train()
    (tmp_path / "output" / STATE).write_bytes(b"torn")
    with pytest.raises(UserError, match="cannot read checkpoint"):
        toy_trainer(tmp_path).train()


def test_training_goes_on_from_the_checkpoints_in_resume(tmp_path, capsys):
    first = toy_trainer(tmp_path, "OPTIM.MAX_EPOCH", 2)
    first.train()
    trainer = toy_trainer(tmp_path, "RESUME", first.output_dir, "OUTPUT_DIR", str(tmp_path / "longer"))
    trainer.train()
    assert "model.pth.tar-2 (epoch 2)" in capsys.readouterr().out
    assert trainer.start_epoch == 2 and (tmp_path / "longer" / "toy" / "model.pth.tar-4").exists()
    nothing = toy_trainer(tmp_path, "RESUME", str(tmp_path), "OUTPUT_DIR", str(tmp_path / "new"))
    nothing.train()
    assert nothing.start_epoch == 0


def test_a_run_does_not_go_on_from_more_epochs_than_it_has(tmp_path):
    first = toy_trainer(tmp_path, "OPTIM.MAX_EPOCH", 3)
    first.train()
    shorter = toy_trainer(tmp_path, "RESUME", first.output_dir, "OUTPUT_DIR", str(tmp_path / "x"), "OPTIM.MAX_EPOCH", 2)
    with pytest.raises(UserError, match="is of epoch 3, and OPTIM.MAX_EPOCH is 2"):
        shorter.train()


def test_without_state_the_output_folder_is_resumed_as_in_dassl(tmp_path):
    options = ["TRAIN.SAVE_STATE", False]
    toy_trainer(tmp_path, *options, "OPTIM.MAX_EPOCH", 2).train()
    assert not (tmp_path / "output" / STATE).exists()
    trainer = toy_trainer(tmp_path, *options)
    trainer.train()
    assert trainer.start_epoch == 2


def test_finished_run_without_its_state_starts_anew(tmp_path):
    trainer = toy_trainer(tmp_path)
    trainer.train()
    trainer.remove_train_state()
    again = toy_trainer(tmp_path)
    again.train()
    assert again.start_epoch == 0
    assert_same(result(again), result(trainer))


def test_what_a_killed_writer_left_is_removed(tmp_path):
    trainer = toy_trainer(tmp_path)
    os.makedirs(tmp_path / "output" / "toy")
    for name in (f"{STATE}.123.tmp", f"{STATE}.123.0f0f0f0f.tmp", "toy/model.pth.tar-1.99.tmp", "notes.tmp"):
        (tmp_path / "output" / name).write_text("torn")
    trainer.train()
    assert not list((tmp_path / "output").glob("**/*[0-9f].tmp")) and (tmp_path / "output" / "notes.tmp").exists()
