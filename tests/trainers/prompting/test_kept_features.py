"""Features of test images on disk: who takes them, what they depend on, and that logits are the same without them."""
import os

import pytest
import torch
from dassl.config import get_cfg_default
from dassl.engine import TRAINER_REGISTRY
from dassl.evaluation import Classification
from PIL import Image
from small_clip import small_clip_state
from small_run import call, make_room, words

import train
import trainers
from compat.settings import flat_config
from trainers.coop import CoOp
from trainers.prompting.encoders import ImageEncoder
from trainers.prompting.kept_features import Collector
from trainers.running import built_trainer

BATCHES_OF_THREE = ("DATALOADER.TEST.BATCH_SIZE", 3)


@pytest.fixture
def room(tmp_path, monkeypatch):
    monkeypatch.setenv("MAO_CACHE", str(tmp_path / "cache"))
    return make_room(tmp_path)


@pytest.fixture
def evaluated(room, monkeypatch):
    """A function that runs train.py; gives its lines about features, its logits, and how often the tower was asked."""
    logits, towers = [], []
    process, forward = Classification.process, ImageEncoder.forward
    monkeypatch.setattr(Classification, "process", lambda self, mo, gt: logits.append(mo) or process(self, mo, gt))
    monkeypatch.setattr(ImageEncoder, "forward", lambda *args: towers.append(1) or forward(*args))

    def evaluated(output, *flags, trainer="ZeroshotCLIP", pairs=()):
        logits.clear()
        towers.clear()
        done = call(words(room, *flags, output=output, trainer=trainer, pairs=[*BATCHES_OF_THREE, *pairs]))
        assert done.code == 0, done
        lines = [line for line in done.out.splitlines() if line.startswith("features of test images")]
        return " ".join(lines), torch.cat(logits), len(towers)

    return evaluated


def kept_files(room):
    return sorted((room / "cache" / "features").glob("*"))


@pytest.mark.parametrize("trainer", ["ZeroshotCLIP", "ZeroshotCLIP2", "CoOp", "CoOp_MAO"])
def test_logits_are_the_same_bit_for_bit(room, evaluated, trainer):
    none, expected, _ = evaluated("none", "--no-cache", trainer=trainer)
    assert none.endswith("computed, and not kept") and not kept_files(room)
    first, logits, _ = evaluated("first", trainer=trainer)
    path, = kept_files(room)
    assert first.endswith(f"computed, and kept in {path}") and torch.equal(logits, expected)
    second, logits, _ = evaluated("second", trainer=trainer)
    assert second.endswith(f"read from {path}") and torch.equal(logits, expected)
    if trainer.startswith("CoOp"):
        tested, logits, asked = evaluated("tested", "--eval-only", "--model-dir", str(room / "first"), trainer=trainer,
                                          pairs=["TEST.SPLIT", "test"])
        assert "read from" in tested and torch.equal(logits, expected) and asked == 0


def test_features_serve_every_method_and_seed_and_not_other_classes_weights_pixels_or_batches(room, evaluated):
    assert "kept in" in evaluated("zero")[0]
    for number, trainer in enumerate(("ZeroshotCLIP", "CoOp", "CoOp_MAO")):
        pairs = ["SEED", 7, "INPUT.RRCROP_SCALE", f"(0.{number + 1}, 1)"]
        assert "read from" in evaluated(f"a{number}", trainer=trainer, pairs=pairs)[0]
    torch.save(small_clip_state(1), room / "other.pt")
    for number, pairs in enumerate((
            ["MODEL.BACKBONE.NAME", room / "other.pt"], ["MODEL.CLIP.ACTIVATION", "gelu"],
            ["DATASET.SUBSAMPLE_CLASSES", "new"], ["INPUT.PIXEL_MEAN", "(0.4, 0.5, 0.5)"],
            ["DATALOADER.TEST.BATCH_SIZE", 2], ["INPUT.INTERPOLATION", "bicubic"], ["INPUT.OVER_WHITE", True])):
        assert "kept in" in evaluated(f"b{number}", pairs=pairs)[0]
    changed = sorted((room / "images" / "test").rglob("*.png"))[0]
    Image.new("RGB", (32, 32), (255, 0, 255)).save(changed)
    os.utime(changed, ns=(1, 1))
    line, logits, asked = evaluated("c")
    assert "kept in" in line and asked == 2
    assert torch.equal(evaluated("d", "--no-cache")[1], logits)


@pytest.mark.parametrize("damage", [
    lambda path: path.write_bytes(path.read_bytes()[:-30]), lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(path.read_bytes().replace(b"\0" * 8, b"\0" * 7 + b"\1")),
    lambda path: torch.save(torch.zeros(3, 32), path), lambda path: torch.save({"a": 1}, path)],
    ids=["cut", "empty", "flipped", "other size", "other thing"])
def test_a_damaged_file_is_made_anew(room, evaluated, damage):
    _, expected, _ = evaluated("first")
    path, = kept_files(room)
    whole = path.read_bytes()
    damage(path)
    line, logits, _ = evaluated("second")
    assert f"{path} is damaged" in line and line.endswith(f"computed, and kept in {path}")
    assert torch.equal(logits, expected) and path.read_bytes() == whole and kept_files(room) == [path]


def test_nothing_is_kept_where_it_cannot_be_or_takes_too_much(room, evaluated, monkeypatch, capsys, tmp_path):
    assert evaluated("off", pairs=["TEST.FEATURE_CACHE_MB", 0])[0].endswith("not kept")
    collector = Collector(1_000_000, largest=256)
    for _ in range(2):
        collector(torch.nn.Identity(), None, torch.zeros(5, 512))
    collector.keep(tmp_path / "large")
    assert "1953 MB are more than TEST.FEATURE_CACHE_MB 256" in capsys.readouterr().out
    assert not collector.batches and not (tmp_path / "large").exists()
    (room / "file").touch()
    monkeypatch.setenv("MAO_CACHE", str(room / "file"))
    assert "not kept: cannot write" in evaluated("nowhere")[0]


@pytest.mark.parametrize("trainer", sorted(
    {name for name in TRAINER_REGISTRY.registered_names()
     if TRAINER_REGISTRY.get(name).__module__.startswith("trainers.")}
    - {"ZeroshotCLIP", "ZeroshotCLIP2", "CoOp", "CoOp_MAO", "KgCoOp", "KgCoOp_MAO", "LinearProbe"}))
def test_prompts_of_images_are_never_served_from_disk(room, evaluated, trainer):
    cfg = get_cfg_default()
    trainers.extend_cfg(cfg)
    pairs = [word for key in flat_config(cfg) if key.startswith("TRAINER.") for word in (
        (key, 2) if "_DEPTH" in key else (key, "fp32") if key.endswith("PREC") else ())]
    evaluated("zero")
    line, logits, asked = evaluated("out", trainer=trainer, pairs=pairs)
    assert line == "" and asked > 2 and len(kept_files(room)) == 1


class SeesImagesTwice(CoOp):
    def model_inference(self, image):
        return self.model(image) + self.model(image.flip(-1))


@pytest.mark.parametrize("change", [
    lambda trainer: setattr(trainer, "__class__", SeesImagesTwice),
    lambda trainer: trainer.model.image_encoder.conv1.requires_grad_(True),
    lambda trainer: setattr(trainer.test_loader.dataset, "transform", lambda image: torch.ones(3, 32, 32))],
    ids=["images twice", "learning tower", "transform of its own"])
def test_a_trainer_that_does_more_with_images_keeps_nothing(room, change):
    argv = words(room, output="out", pairs=BATCHES_OF_THREE)
    with built_trainer(train.make_config(train.parse_arguments(argv))) as trainer:
        change(trainer)
        trainer.test()
        assert not kept_files(room)
