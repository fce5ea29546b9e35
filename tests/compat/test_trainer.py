"""The training loop: final model, bad losses, hooks, progress, two loaders, and testing."""
import os

import numpy as np
import pytest
import torch
from dassl.engine import TRAINER_REGISTRY, SimpleNet, SimpleTrainer, TrainerBase, TrainerX, TrainerXU, build_trainer
from dassl.utils import AverageMeter, load_checkpoint
from toy import Toy, toy_config, toy_trainer, write_images

from compat.errors import UserError


def test_the_last_epoch_and_every_so_many_are_saved(tmp_path):
    toy_trainer(tmp_path, "OPTIM.MAX_EPOCH", 5, "TRAIN.CHECKPOINT_FREQ", 2).train()
    assert sorted(os.listdir(tmp_path / "output" / "toy")) == [
        "checkpoint", "model.pth.tar-2", "model.pth.tar-4", "model.pth.tar-5"]
    assert load_checkpoint(str(tmp_path / "output/toy/model.pth.tar-4"))["epoch"] == 4


def test_the_best_model_by_validation_is_kept_and_tested(tmp_path, capsys):
    trainer = toy_trainer(tmp_path, "TEST.FINAL_MODEL", "best_val")
    scores, tested = iter([30.0, 70.0, 70.0, 50.0]), []

    def test(split=None):
        if split == "val":
            tested.append(trainer.model[1].weight.clone())
            return next(scores)
        tested.append(trainer.model[1].weight.clone())
        return 0.0

    trainer.test = test
    trainer.train()
    best = load_checkpoint(str(tmp_path / "output" / "toy" / "model-best.pth.tar"))
    assert (best["epoch"], best["val_result"], trainer.best_result) == (2, 70.0, 70.0)
    assert torch.equal(tested[-1], tested[1]) and not torch.equal(tested[-1], tested[3])


def test_the_best_model_needs_validation_images(tmp_path):
    write_images(tmp_path / "images")
    for path in (tmp_path / "images" / "val").iterdir():
        path.unlink()
    with pytest.raises(UserError, match="best_val needs validation images, which 'Squares' does not have"):
        toy_trainer(tmp_path, "TEST.FINAL_MODEL", "best_val").train()
    trainer = toy_trainer(tmp_path)
    assert trainer.val_loader is None and trainer.test(split="val") == trainer.test()


def test_a_loss_that_is_not_finite_stops_and_keeps_what_was_saved(tmp_path):
    trainer = toy_trainer(tmp_path, "TRAIN.CHECKPOINT_FREQ", 1)

    def poison():
        if trainer.epoch == 2:
            trainer.model[1].weight.data[0, 0] = float("nan")

    trainer.before_epoch = poison
    with pytest.raises(UserError, match="the loss is nan in epoch 3, step 1") as caught:
        trainer.train()
    assert isinstance(caught.value, FloatingPointError) and caught.value.exit_code == 2
    assert (tmp_path / "output" / "toy" / "checkpoint").read_text() == "model.pth.tar-2\n"
    weight = load_checkpoint(str(tmp_path / "output" / "toy" / "model.pth.tar-2"))["state_dict"]["1.weight"]
    assert torch.isfinite(weight).all()


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_bad_loss_between_two_lines_is_named_by_its_step(tmp_path, value, capsys):
    """The lines come after the third and the fourth step; parameters are finite again by then."""
    trainer = toy_trainer(tmp_path, "TRAIN.PRINT_FREQ", 3, "OPTIM.MAX_EPOCH", 2)
    learn, losses = trainer.model_backward, []

    def spoilt(loss):
        losses.append(loss)
        learn(loss)
        if len(losses) == 6:  # the second step of the second epoch
            trainer.detect_anomaly(torch.tensor(float(value)))

    trainer.model_backward = spoilt
    with pytest.raises(UserError, match=f"the loss is {value} in epoch 2, step 2: "):
        trainer.train()
    assert len(losses) == 7  # no step after the line that is due
    assert capsys.readouterr().out.count("epoch [2/2]") == 0
    assert not (tmp_path / "output" / "toy").exists()  # the last epoch would have been saved


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_parameter_that_is_not_finite_ends_the_last_epoch_before_checkpoint_and_test(tmp_path, value):
    trainer = toy_trainer(tmp_path, "OPTIM.MAX_EPOCH", 1)
    assert trainer.non_finite_parameters() == []
    update = trainer.update_lr

    def last_step():
        update()
        trainer.model[1].weight.data[0, 0] = float(value)
        trainer.model[3].bias.data[0] = float(value)

    trainer.update_lr = last_step  # called after the last step; the loss was finite
    with pytest.raises(UserError, match="parameter 'toy.1.weight' and 1 more holds values that are not finite"):
        trainer.train()
    assert trainer.non_finite_parameters() == ["toy.1.weight", "toy.3.bias"]
    assert not (tmp_path / "output" / "toy").exists() and trainer.evaluator._total == 0
    with pytest.raises(UserError, match="'toy.1.weight'"):
        trainer.test()


def test_hooks_are_called_in_order():
    calls = []

    class Recorder(TrainerBase):
        pass

    for name in ("before_train", "seed_loaders", "before_epoch", "run_epoch", "after_epoch", "save_train_state",
                 "after_train"):
        setattr(Recorder, name, lambda self, name=name: calls.append((name, self.epoch)))
    Recorder().train(1, 3)
    epoch = ["seed_loaders", "before_epoch", "run_epoch", "after_epoch", "save_train_state"]
    assert calls == [("before_train", 0), *[(name, 1) for name in epoch], *[(name, 2) for name in epoch],
                     ("after_train", 2)]


def test_before_train_may_end_the_training():
    class Nothing(TrainerBase):
        ended = False

        def before_train(self):
            self.start_epoch = self.max_epoch

        def after_train(self):
            self.ended = True

    trainer = Nothing()
    trainer.train(0, 5)
    assert trainer.ended


def test_progress_lines_and_scalars_say_what_was_learnt(tmp_path, capsys):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    trainer = toy_trainer(tmp_path, "TRAIN.PRINT_FREQ", 3, "OPTIM.MAX_EPOCH", 2)
    trainer.train()
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch [")]
    assert [line.split(" time ")[0] for line in lines] == [
        f"epoch [{e}/2] batch [{b}/4]" for e in (1, 2) for b in (3, 4)]
    for part in ("time ", "data ", "loss ", "acc ", "lr 5.0000e-02", "mem ", "eta 0:00:00"):
        assert part in lines[-1]
    assert 0 < trainer.data_wait_fraction < 1
    assert trainer.data_wait_fraction == trainer.data_time_meter.sum / trainer.batch_time_meter.sum
    events = EventAccumulator(str(tmp_path / "output" / "tensorboard"))
    events.Reload()
    losses = [(event.step, event.value) for event in events.Scalars("train/loss")]
    assert losses == [(step, np.float32(loss)) for step, (_, loss) in enumerate(trainer.history)]
    assert [event.value for event in events.Scalars("train/lr")] == [np.float32(1e-5)] * 4 + [np.float32(0.05)] * 4
    assert len(events.Scalars("test/accuracy")) == 1


def test_what_a_step_reports_in_a_tensor_is_what_it_was_in_that_step(tmp_path, monkeypatch):
    """Numbers are read when a line is printed; a trainer may have overwritten them by then."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    plain, steps, reads = Toy.forward_backward, [], []

    def overwriting(trainer, batch):
        trainer.report = getattr(trainer, "report", torch.zeros(1))
        trainer.report.fill_(plain(trainer, batch)["loss"])
        steps.append(trainer.batch_idx)
        return {"loss": trainer.report}

    monkeypatch.setattr(Toy, "forward_backward", overwriting)
    monkeypatch.setattr(AverageMeter, "update", lambda meter, value, update=AverageMeter.update: (
        reads.append(len(steps)) if isinstance(value, torch.Tensor) else None, update(meter, value)))
    trainer = toy_trainer(tmp_path, "TRAIN.PRINT_FREQ", 3, "OPTIM.MAX_EPOCH", 1)
    trainer.train()
    assert reads == [3, 3, 3, 4]
    events = EventAccumulator(str(tmp_path / "output" / "tensorboard"))
    events.Reload()
    assert [event.value for event in events.Scalars("train/loss")] == [np.float32(loss) for _, loss in trainer.history]


def test_no_test_evaluates_nothing(tmp_path, capsys):
    toy_trainer(tmp_path, "TEST.NO_TEST", True, "TEST.FINAL_MODEL", "best_val").train()
    assert "accuracy" not in capsys.readouterr().out


def test_test_runs_in_eval_mode_without_gradient_and_returns_accuracy(tmp_path):
    trainer = toy_trainer(tmp_path)
    seen = []
    trainer.model.register_forward_hook(
        lambda module, _, out: seen.append((module.training, out.requires_grad, out.shape[0])))
    accuracy = trainer.test()
    assert seen == [(False, False, 18)] and accuracy == 100 * trainer.evaluator._correct / 18
    trainer.test(split="val")
    with pytest.raises(UserError, match="TEST.SPLIT 'vall' is unknown"):
        trainer.test(split="vall")


@TRAINER_REGISTRY.register()
class ToyPair(TrainerXU):
    build_model = Toy.build_model

    def forward_backward(self, batch_x, batch_u):
        image, label, other = self.parse_batch_train(batch_x, batch_u)
        self.history.append((len(label), len(other)))
        self.model_backward_and_update(self.model(image).square().mean() + self.model(other).square().mean())
        return {"loss": 0.0}


@pytest.mark.parametrize("count, expected", [("train_x", 4), ("train_u", 9), ("smaller_one", 4)])
def test_an_epoch_of_two_loaders_is_as_long_as_the_config_says(tmp_path, count, expected):
    write_images(tmp_path / "images")
    cfg = toy_config(tmp_path, "TRAINER.NAME", "ToyPair", "TRAIN.COUNT_ITER", count, "OPTIM.MAX_EPOCH", 1,
                     "DATALOADER.TRAIN_U.SAME_AS_X", False, "DATALOADER.TRAIN_U.BATCH_SIZE", 2)
    trainer = build_trainer(cfg)
    trainer.train()
    assert trainer.history == [(4, 2)] * expected


def test_models_are_known_by_their_names():
    trainer = TrainerBase()
    with pytest.raises(AttributeError, match="before TrainerBase.__init__"):
        TrainerBase.__new__(TrainerBase).register_model("a")
    one, two = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)
    optimizers = [torch.optim.SGD(model.parameters(), lr=1.0) for model in (one, two)]
    trainer.register_model("one", one, optimizers[0])
    trainer.register_model("two", two, optimizers[1])
    with pytest.raises(ValueError, match="registered as 'one' already"):
        trainer.register_model("one", one)
    with pytest.raises(UserError, match="model 'three' is unknown: choose one of one, two"):
        trainer.get_model_names("three")
    assert trainer.get_model_names() == ["one", "two"] and trainer.get_model_names("two") == ["two"]
    trainer.set_model_mode("eval", "two")
    assert one.training and not two.training
    before = one.weight.clone(), two.weight.clone()
    trainer.model_backward_and_update(one(torch.ones(1, 1)).sum() + two(torch.ones(1, 1)).sum(), names="two")
    assert torch.equal(one.weight, before[0]) and torch.equal(two.weight, before[1] - 1)


def test_an_unknown_trainer_names_the_nearest(tmp_path):
    with pytest.raises(UserError, match="TRAINER.NAME 'Toi' is unknown: choose one of .*did you mean 'Toy'") as caught:
        toy_trainer(tmp_path, "TRAINER.NAME", "Toi")
    assert isinstance(caught.value, KeyError) and caught.value.exit_code == 2


def test_a_plain_classifier_is_left_to_dassl(tmp_path):
    """Repositories import SimpleNet beside the trainers and build models of their own."""
    with pytest.raises(UserError, match="SimpleNet is not part of the bundled engine: override build_model"):
        SimpleNet(None, None, 4)
    assert issubclass(TrainerX, SimpleTrainer) and issubclass(TrainerXU, SimpleTrainer)
