"""What trainers and scripts of the family do beyond Dassl's documented use: own loops, logs, further arguments."""
import os
import sys
import time
import warnings

import pytest
import torch
from dassl.data import DataManager, DatasetWrapper
from dassl.engine import TRAINER_REGISTRY, TrainerBase, TrainerX, build_trainer
from dassl.engine.trainer import AverageMeter, MetricMeter, SummaryWriter
from dassl.metrics import compute_distance_matrix
from dassl.optim import build_lr_scheduler, build_optimizer
from dassl.optim.lr_scheduler import _BaseWarmupScheduler
from dassl.optim.radam import RAdam
from dassl.utils import Logger, read_image
from log_script import SIGNALS, TEST_SIGNAL, over_seeds
from toy import Toy, toy_config, toy_trainer, write_images

from compat.errors import UnknownNameError


def logged(monkeypatch, path, action):
    """Call ``action`` while what is printed goes to a log file, too."""
    with monkeypatch.context() as patch, Logger(str(path)) as logger:
        patch.setattr(sys, "stdout", logger)
        return action()


def test_scripts_that_read_logs_find_the_results_of_training_and_of_tests(tmp_path, monkeypatch):
    trained, tested = [], []
    for seed in (1, 2):
        trainer = toy_trainer(tmp_path, "SEED", seed, "OUTPUT_DIR", str(tmp_path / f"out/train/seed{seed}"),
                              "TEST.FINAL_MODEL", "best_val")
        logged(monkeypatch, tmp_path / f"out/train/seed{seed}/log.txt", trainer.train)
        trained.append(trainer.test())
        tested.append(logged(monkeypatch, tmp_path / f"out/test/seed{seed}/log.txt", trainer.test))
    for signal in SIGNALS:  # the validations of each epoch stand before the signal, with numbers of their own
        assert over_seeds(tmp_path / "out" / "train", signal) == pytest.approx(trained, abs=0.005)
        assert None not in over_seeds(tmp_path / "out" / "train", signal, "macro_f1")
        assert over_seeds(tmp_path / "out" / "test", signal) == [None, None]
    assert over_seeds(tmp_path / "out" / "test", TEST_SIGNAL) == pytest.approx(tested, abs=0.005)
    log = (tmp_path / "out/train/seed1/log.txt").read_text()
    assert log.index("* accuracy") < log.index(SIGNALS[0]) < log.rindex("* accuracy")


def test_a_training_that_tests_nothing_has_ended_too(tmp_path, capsys):
    toy_trainer(tmp_path, "TEST.NO_TEST", True, "OPTIM.MAX_EPOCH", 1).train()
    lines = capsys.readouterr().out.splitlines()
    assert all(lines.count(signal) == 1 for signal in SIGNALS)


@TRAINER_REGISTRY.register()
class OwnLoop(TrainerX):
    """Replaces most of the trainer's methods, with the attributes and helpers that Dassl's have."""

    build_model = Toy.build_model
    forward_backward = Toy.forward_backward
    kill_at = None

    def init_writer(self, log_dir):
        if self.__dict__.get("_writer") is None:
            self._writer = SummaryWriter(log_dir=log_dir)

    def before_train(self):
        self.start_epoch = self.resume_model_if_exist(self.output_dir)
        self.init_writer(os.path.join(self.output_dir, "tensorboard"))
        self.time_start = time.time()

    def run_epoch(self):
        self.set_model_mode("train")
        losses, batch_time, end = MetricMeter(), AverageMeter(), time.time()
        self.num_batches = len(self.train_loader_x)
        for self.batch_idx, batch in enumerate(self.train_loader_x):
            losses.update(self.forward_backward(batch))
            batch_time.update(time.time() - end)
            end = time.time()
            step = self.epoch * self.num_batches + self.batch_idx
            for name, meter in losses.meters.items():
                self.write_scalar("train/" + name, meter.avg, step)
            self.write_scalar("train/lr", self.get_current_lr(), step)
        print(f"epoch {self.epoch} {losses} time {batch_time.avg:.3f}")

    def after_epoch(self):
        result = self.test(split="val", is_final=False)
        if result > self.best_result:
            self.best_result = result
            self.save_model(self.epoch, self.output_dir, val_result=result, model_name="model-best.pth.tar")

    def after_train(self):
        self.load_model(self.output_dir)
        self.final = self.test(is_final=True)
        self.close_writer()

    @torch.no_grad()
    def test(self, split=None, is_final=False):
        self.set_model_mode("eval")
        self.evaluator.reset()
        loader = self.val_loader if split == "val" and self.val_loader is not None else self.test_loader
        for batch in loader:
            image, label = self.parse_batch_test(batch)
            self.evaluator.process(self.model_inference(image), label)
        results = self.evaluator.evaluate()
        for name, value in results.items():
            self.write_scalar(f"{split}/{name}", value, self.epoch)
        return list(results.values())[0]


def test_a_trainer_with_loop_test_and_writer_of_its_own_runs(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    write_images(tmp_path / "images")
    trainer = build_trainer(toy_config(tmp_path, "TRAINER.NAME", "OwnLoop", "OPTIM.MAX_EPOCH", 2))
    trainer.train()
    assert len(trainer.history) == 8 and trainer.final == TrainerX.test(trainer)
    assert (tmp_path / "output" / "toy" / "model-best.pth.tar").is_file()
    assert trainer._writer is None  # closed
    events = EventAccumulator(str(tmp_path / "output" / "tensorboard"))
    events.Reload()
    assert len(events.Scalars("train/loss")) == 8 and len(events.Scalars("val/accuracy")) == 2


def test_a_bad_loss_stops_a_training_that_has_a_loop_of_its_own():
    trainer = TrainerBase()
    trainer.detect_anomaly(torch.tensor(float("nan")))
    trainer.epoch = 1
    with pytest.raises(FloatingPointError, match="the loss is nan in epoch 1, step 1"):
        trainer.detect_anomaly(torch.tensor(1.0))


def test_arguments_that_mean_nothing_here_are_left_out_and_typing_errors_are_not(tmp_path):
    trainer = toy_trainer(tmp_path)
    with pytest.warns(UserWarning, match=r"test\(\) has no use for is_final=True: left out"):
        assert trainer.test(is_final=True) == trainer.test()
    with pytest.warns(UserWarning, match=r"save_model\(\) .* keep_last=1"):
        trainer.save_model(0, str(tmp_path / "saved"), keep_last=1)
    with pytest.warns(UserWarning, match=r"load_model\(\) .* attribute='colour'"):
        trainer.load_model(str(tmp_path / "saved"), attribute="colour")
    for call, wrong, meant in ((lambda: trainer.test(splt="val"), "splt", "split"),
                               (lambda: trainer.load_model("", epochs=1), "epochs", "epoch"),
                               (lambda: trainer.save_model(0, "", is_bset=True), "is_bset", "is_best")):
        with pytest.raises(TypeError, match=f"{wrong!r}: did you mean {meant!r}"):
            call()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trainer.test(split="val")


def test_further_arguments_of_inference_and_backward_reach_model_and_torch(tmp_path):
    trainer = toy_trainer(tmp_path)
    trainer.model = lambda image, label=None, weight=1: (image, label, weight)
    assert trainer.model_inference("images", "labels", weight=2) == ("images", "labels", 2)
    weight = torch.ones(1, requires_grad=True)
    loss = (weight * weight).sum()
    trainer.model_backward(loss, retain_graph=True)
    trainer.model_backward(loss)  # the graph is still there
    assert weight.grad == 4
    with pytest.raises(TypeError, match="retain_grahp"):
        trainer.model_backward(loss, retain_grahp=True)


def prograd_trainer(names=("one", "two")):
    trainer = TrainerBase()
    for name in names:
        model = torch.nn.Linear(2, 1)
        torch.nn.init.zeros_(model.weight), torch.nn.init.zeros_(model.bias)
        trainer.register_model(name, model, torch.optim.SGD(model.parameters(), lr=1.0))
    return trainer, *trainer._models.values()


@pytest.mark.parametrize("general, lambda_, expected", [
    ((-3.0, 4.0), 1, (2.4, 1.8)),  # against it: (3, 1) less its projection on (-3, 4), which is -5 / 25 of that
    ((-3.0, 4.0), 0.5, (2.7, 1.4)),
    ((3.0, 1.0), 1, (3.0, 1.0)),  # along it
    ((1.0, -3.0), 1, (3.0, 1.0)),  # orthogonal to it
    ((0.0, 0.0), 1, (3.0, 1.0)),  # no direction
])
def test_prograd_descends_the_task_without_climbing_the_general_loss(general, lambda_, expected):
    task, general = torch.tensor([3.0, 1.0]), torch.tensor(general)
    trainer, one, two = prograd_trainer()
    loss_a = one.weight @ task + one.bias + 2 * two.bias
    loss_b = one.weight @ general - one.bias * 0.5  # shares no parameter of "two"
    trainer.prograd_backward_and_update(loss_a.sum(), loss_b.sum(), lambda_, names="one")
    assert (-one.weight).flatten().tolist() == pytest.approx(expected)
    # Each parameter by itself: the bias, one number, is against it and is held (lambda_ 1) whatever the weight does.
    assert (-one.bias).item() == pytest.approx(1 - lambda_)
    assert two.bias.item() == 0
    if lambda_ == 1:
        assert -(one.weight.flatten() @ general).item() >= -1e-5  # the general loss has not gone up


def test_prograd_leaves_alone_what_the_general_loss_does_not_reach_and_names_a_bad_loss():
    trainer, one, two = prograd_trainer()
    graph = one.bias * 3  # part of both losses
    trainer.prograd_backward_and_update((graph + two.bias).sum(), (graph * 2).sum(), lambda_=1)
    assert (one.bias.item(), two.bias.item()) == (-3, -1)
    trainer.prograd_backward_and_update((one.bias * 2).sum(), (one.bias * float("inf")).sum())
    with pytest.raises(FloatingPointError, match="the loss is"):
        trainer.check_losses()


def test_rectified_adam_is_torch_s_with_the_decay_beside_the_gradient(tmp_path):
    def after(make, steps=8):
        weight = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
        optimizer = make([weight])
        for _ in range(steps):
            optimizer.zero_grad()
            (weight ** 2 * torch.tensor([1.0, 3.0])).sum().backward()
            optimizer.step()
        return weight.tolist()

    options = dict(lr=0.1, betas=(0.8, 0.9), weight_decay=0.01)
    assert after(lambda p: RAdam(p, **options)) == after(
        lambda p: torch.optim.RAdam(p, **options, decoupled_weight_decay=True))
    assert after(lambda p: RAdam(p, **options)) != after(lambda p: torch.optim.RAdam(p, **options))
    cfg = toy_config(tmp_path, "OPTIM.NAME", "radam").OPTIM
    assert type(build_optimizer([torch.nn.Parameter(torch.ones(1))], cfg)) is RAdam
    with pytest.raises(ValueError, match="degenerated_to_sgd is False"):
        RAdam([torch.nn.Parameter(torch.ones(1))], degenerated_to_sgd=False)


class OwnWarmup(_BaseWarmupScheduler):
    """Half of the rate at first."""

    def __init__(self, optimizer, successor, warmup_epoch, last_epoch=-1, verbose=False):
        super().__init__(optimizer, successor, warmup_epoch, last_epoch, verbose)

    def get_lr(self):
        if self.last_epoch >= self.warmup_epoch:
            return self.successor.get_last_lr()
        return [rate / 2 for rate in self.base_lrs]


def test_a_warm_up_of_a_trainer_s_own(tmp_path):
    options = toy_config(tmp_path, "OPTIM.WARMUP_EPOCH", -1).OPTIM  # cosine
    optimizer = build_optimizer([torch.nn.Parameter(torch.ones(1))], options)
    schedule = OwnWarmup(optimizer, build_lr_scheduler(optimizer, options), 2)
    rates = []
    for _ in range(4):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates == pytest.approx([0.025, 0.025, 0.05, 0.05 * (1 + 2 ** -0.5) / 2])


class TwoViews(DatasetWrapper):
    """Reads and transforms in the manner of Dassl's own wrapper."""

    def __getitem__(self, idx):
        item = self.data_source[idx]
        image = read_image(item.impath)
        views = [self._transform_image(self.transform, image) for _ in range(2)]
        return {"label": item.label, "domain": item.domain, "impath": item.impath, "img": views[0], "img2": views[1],
                "plain": self.to_tensor(image)}


def test_a_wrapper_of_a_trainer_s_own(tmp_path):
    write_images(tmp_path / "images")
    manager = DataManager(toy_config(tmp_path), dataset_wrapper=TwoViews)
    batch = next(iter(manager.train_loader_x))
    assert batch["img"].shape == batch["img2"].shape == batch["plain"].shape == (4, 3, 8, 8)
    assert not torch.equal(batch["img"], batch["img2"])  # augmented each by itself


def test_distances():
    one, two = torch.tensor([[0.0, 0.0], [3.0, 4.0]]), torch.tensor([[3.0, 4.0], [-4.0, 3.0], [6.0, 8.0]])
    assert compute_distance_matrix(one, two).tolist() == [[25, 25, 100], [0, 50, 25]]
    assert compute_distance_matrix(one[1:], two, metric="cosine").tolist() == [pytest.approx([0, 1, 0], abs=1e-6)]
    with pytest.raises(UnknownNameError, match="metric 'cosin' is unknown"):
        compute_distance_matrix(one, two, "cosin")
    with pytest.raises(ValueError, match="two matrices of equal width"):
        compute_distance_matrix(one, two[:, :1])
