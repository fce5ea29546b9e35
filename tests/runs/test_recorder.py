"""What record_run writes down while a trainer trains, validates, is tested from a checkpoint, or is resumed."""
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from datasets.base import FewShotDataset
from runs.recorder import record_run
from runs.records import RECORDS_FILE, TRAINING_FILE, config_digest, read_records, settings_of

SIDE, CLASSES = 8, 4


class GreySquares(FewShotDataset):
    """Grey squares: class k is brighter than class k - 1, with noise."""

    dataset_dir = "squares"
    split_file = "split.json"


class GreySquaresElsewhere(GreySquares):
    """The same under another name."""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    images = root / "squares" / "images"
    images.mkdir(parents=True)
    rng = np.random.default_rng(0)
    split = {}
    for part, count in (("train", 6), ("val", 4), ("test", 7)):
        split[part] = [[f"{part}{k}_{i}.png", k, f"grey {k}"] for k in range(CLASSES) for i in range(count)]
        for path, label, _ in split[part]:
            pixels = rng.normal(40 + 50 * label, 30, (SIDE, SIDE, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(images / path)
    (root / "squares" / "split.json").write_text(json.dumps(split))
    return root


def make_config(root, output, **options):
    from dassl.config import get_cfg_default

    cfg = get_cfg_default()
    cfg.DATASET.SUBSAMPLE_CLASSES = "all"
    settings = {
        "DATASET.NAME": "GreySquares", "DATASET.ROOT": str(root), "DATASET.NUM_SHOTS": 5, "OUTPUT_DIR": str(output),
        "SEED": 3, "INPUT.SIZE": (SIDE, SIDE), "INPUT.TRANSFORMS": ("normalize",), "DATALOADER.NUM_WORKERS": 0,
        "DATALOADER.TRAIN_X.BATCH_SIZE": 4, "OPTIM.NAME": "sgd", "OPTIM.LR": 0.02, "OPTIM.MAX_EPOCH": 3,
        "OPTIM.LR_SCHEDULER": "cosine", "TRAIN.CHECKPOINT_FREQ": 1, "TRAINER.NAME": "Linear", "USE_CUDA": False,
        **options}
    for key, value in settings.items():
        cfg.merge_from_list([key, value])
    cfg.freeze()
    return cfg


def make_trainer(cfg, registers=True):
    """A trainer of a linear classifier; with ``registers`` off it has no model to train, as zero-shot CLIP."""
    from dassl.data.datasets import DATASET_REGISTRY
    from dassl.engine import TrainerX
    from dassl.optim import build_lr_scheduler, build_optimizer

    class Linear(TrainerX):
        def build_model(self):
            torch.manual_seed(0)
            self.model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * SIDE * SIDE, self.num_classes))
            self.optim = build_optimizer(self.model, self.cfg.OPTIM)
            self.sched = build_lr_scheduler(self.optim, self.cfg.OPTIM)
            if registers:
                self.register_model("linear", self.model, self.optim, self.sched)

        def forward_backward(self, batch):
            image, label, *_ = self.parse_batch_train(batch)
            loss = torch.nn.functional.cross_entropy(self.model(image), label)
            self.model_backward_and_update(loss)
            if self.batch_idx + 1 == self.num_batches:
                self.update_lr()
            return {"loss": loss.item()}

        def model_inference(self, image):
            return self.model(image)

    for dataset in (GreySquares, GreySquaresElsewhere):
        if dataset.__name__ not in DATASET_REGISTRY.registered_names():
            DATASET_REGISTRY.register()(dataset)
    return Linear(cfg)


def recorded(cfg):
    return read_records([cfg.OUTPUT_DIR])


def summary(cfg):
    return [(record["split"], record["epoch"]) for record in recorded(cfg)]


@torch.no_grad()
def count_correct(trainer, loader):
    return sum(int((trainer.model(batch["img"]).argmax(1) == batch["label"]).sum()) for batch in loader)


def test_record_holds_what_was_run_and_how_well_it_did(root, tmp_path):
    cfg = make_config(root, tmp_path)
    trainer = make_trainer(cfg)
    record_run(trainer, cfg, "dassl: bundled engine")
    trainer.train()
    (record,) = recorded(cfg)
    assert record["settings"] == settings_of(cfg) and record["settings"]["OPTIM.LR"] == 0.02
    assert record["settings"]["INPUT.SIZE"] == [SIDE, SIDE] and "OUTPUT_DIR" not in record["settings"]
    assert (record["source"], record["parent"]) == ("GreySquares", "")
    correct = count_correct(trainer, trainer.test_loader)
    expected = {
        "trainer": "Linear", "dataset": "GreySquares", "seed": 3, "shots": 5, "classes": "all", "split": "test",
        "num_classes": CLASSES, "correct": correct, "total": 7 * CLASSES, "accuracy": 100 * correct / (7 * CLASSES),
        "epoch": 3, "stage": "", "config_digest": config_digest(cfg), "engine": "dassl: bundled engine",
        "device": "cpu",
        "split_digest": trainer.dm.dataset.split_digest}
    assert {key: record[key] for key in expected} == expected
    assert record["versions"]["torch"] == torch.__version__
    assert set(record["versions"]) == {"python", "torch", "torchvision", "numpy"}
    assert all(0 <= record[key] <= 100 for key in ("macro_f1", "macro_precision", "macro_recall"))
    assert record["seconds"] > 0 and record["peak_memory_mb"] > 1
    assert 0 < correct < 7 * CLASSES  # so that the counts say something


def test_each_validation_has_a_record_and_the_test_names_the_best_epoch(root, tmp_path):
    cfg = make_config(root, tmp_path, **{"TEST.FINAL_MODEL": "best_val"})
    trainer = make_trainer(cfg)
    record_run(trainer, cfg)
    trainer.train()
    *validation, test = recorded(cfg)
    assert [(record["split"], record["epoch"], record["total"]) for record in validation] == [
        ("val", epoch, 4 * CLASSES) for epoch in (1, 2, 3)]
    best = max(validation, key=lambda record: (record["correct"], -record["epoch"]))
    assert (test["split"], test["epoch"]) == ("test", best["epoch"])


@pytest.mark.parametrize("epoch, expected", [(2, 2), (None, 3)])
def test_evaluation_of_a_checkpoint_names_its_epoch(root, tmp_path, epoch, expected):
    trained = make_config(root, tmp_path / "trained")
    make_trainer(trained).train()
    cfg = make_config(root, tmp_path / "tested")
    trainer = make_trainer(cfg)
    record_run(trainer, cfg)
    trainer.load_model(trained.OUTPUT_DIR, epoch=epoch)
    trainer.test()
    assert summary(cfg) == [("test", expected)]
    (record,) = recorded(cfg)
    assert (record["source"], record["parent"]) == ("", "unverified")  # that run left no records


@pytest.mark.parametrize("keeps", [False, True])
def test_epoch_of_the_best_checkpoint_comes_from_the_trainer_or_else_from_its_file(root, tmp_path, keeps):
    trained = make_config(root, tmp_path / "trained", **{"TEST.FINAL_MODEL": "best_val"})
    trainer = make_trainer(trained)
    record_run(trainer, trained)
    trainer.train()
    best = recorded(trained)[-1]["epoch"]
    cfg = make_config(root, tmp_path / "tested")
    trainer = make_trainer(cfg)
    load_model = trainer.load_model

    def load(directory, epoch=None):
        load_model(directory, epoch)
        trainer.loaded_epoch = 77 if keeps else None

    trainer.load_model = load
    record_run(trainer, cfg)
    trainer.load_model(trained.OUTPUT_DIR)
    trainer.test()
    assert summary(cfg) == [("test", 77 if keeps else best)]


@pytest.mark.parametrize("no_test", [False, True])
def test_evaluation_names_what_its_prompts_were_trained_on(root, tmp_path, no_test):
    trained = make_config(root, tmp_path / "trained", **{"TEST.NO_TEST": no_test})
    trainer = make_trainer(trained)
    record_run(trainer, trained)
    trainer.train()
    cfg = make_config(root, tmp_path / "tested", **{"DATASET.NAME": "GreySquaresElsewhere"})
    trainer = make_trainer(cfg)
    record_run(trainer, cfg)
    trainer.load_model(trained.OUTPUT_DIR)
    trainer.test()
    (record,) = recorded(cfg)
    assert (record["dataset"], record["source"]) == ("GreySquaresElsewhere", "GreySquares")
    assert record["parent"] == config_digest(trained)


def test_each_epoch_has_a_record_of_its_mean_losses_and_its_rate(root, tmp_path):
    cfg = make_config(root, tmp_path)
    trainer = make_trainer(cfg)
    losses, forward_backward = [], trainer.forward_backward

    def remembering(batch):
        losses.append(forward_backward(batch)["loss"])
        return {"loss": torch.tensor(losses[-1]), "epoch": 7}  # a name that the record has itself

    trainer.forward_backward = remembering
    record_run(trainer, cfg)
    trainer.train()
    epochs = read_records([tmp_path], TRAINING_FILE)
    assert [epoch["epoch"] for epoch in epochs] == [1, 2, 3] and all(epoch["batches"] == 5 for epoch in epochs)
    means = [sum(losses[k * 5:k * 5 + 5]) / 5 for k in range(3)]
    assert [epoch["loss"] for epoch in epochs] == pytest.approx(means, rel=1e-5)
    assert epochs[0]["lr"] == 0.02 > epochs[1]["lr"] > epochs[2]["lr"] > 0
    (record,) = recorded(cfg)
    same = ("trainer", "dataset", "seed", "shots", "classes", "stage", "config_digest")
    assert {key: epochs[2][key] for key in same} == {key: record[key] for key in same}


def test_training_after_loading_counts_its_own_epochs(root, tmp_path):
    """As in step 2 of MAO, which starts from the prompts of step 1."""
    first = make_config(root, tmp_path / "first")
    make_trainer(first).train()
    cfg = make_config(root, tmp_path / "second", **{"OPTIM.MAX_EPOCH": 1})
    trainer = make_trainer(cfg)
    record_run(trainer, cfg)
    trainer.load_model(first.OUTPUT_DIR)
    trainer.train()
    assert summary(cfg) == [("test", 1)]


def test_run_that_was_killed_before_its_test_has_the_record_of_an_uninterrupted_one(root, tmp_path):
    cfg = make_config(root, tmp_path)
    trainer = make_trainer(cfg)
    trainer.test = lambda split=None: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    trainer = make_trainer(cfg)
    record_run(trainer, cfg)
    trainer.train()
    assert summary(cfg) == [("test", 3)]
    (resumed,) = recorded(cfg)

    cfg = make_config(root, tmp_path / "uninterrupted")
    trainer = make_trainer(cfg)
    record_run(trainer, cfg)
    trainer.train()
    (uninterrupted,) = recorded(cfg)
    assert {k for k in resumed if resumed[k] != uninterrupted[k]} <= {"folder", "seconds", "peak_memory_mb", "date"}


def test_evaluation_of_a_model_that_trains_nothing_is_of_epoch_0(root, tmp_path):
    cfg = make_config(root, tmp_path)
    trainer = make_trainer(cfg, registers=False)
    record_run(trainer, cfg)
    trainer.test()
    assert summary(cfg) == [("test", 0)]


def test_record_names_the_step_of_mao(root, tmp_path):
    cfg = make_config(root, tmp_path)
    trainer = make_trainer(cfg)
    trainer.mao_stage = "new"
    record_run(trainer, cfg)
    trainer.test()
    (record,) = recorded(cfg)
    assert record["stage"] == "new"


def test_counts_in_tensors_become_integers(root, tmp_path):
    """An evaluator that counts in tensors, as forks do, gives integers in the record."""
    cfg = make_config(root, tmp_path)
    trainer = make_trainer(cfg)
    trainer.evaluator = SimpleNamespace(
        _correct=torch.tensor(3), _total=4, evaluate=lambda: {"accuracy": 75.0, "macro_f1": torch.tensor(50.0)})
    record_run(trainer, cfg)
    trainer.evaluator.evaluate()
    assert (tmp_path / RECORDS_FILE).is_file()
    (record,) = recorded(cfg)
    assert (record["correct"], record["total"], record["accuracy"], record["macro_f1"]) == (3, 4, 75.0, 50.0)
