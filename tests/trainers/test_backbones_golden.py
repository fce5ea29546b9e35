"""Backbones, against numbers recorded from the originals: values, gradients, optimiser steps, checkpoints."""
import json

import numpy as np
import pytest
import torch
from recordings import (
    Recording,
    assert_close,
    make_trainer,
    names,
    put_in,
    recorded_trainer,
    recordings,
    save_tiny_clip,
    step,
)

from trainers.cocoop import ConditionalCLIP
from trainers.prompting.encoders import normalize
from trainers.prompting.gaussian_averaging import epoch_weights
from trainers.prompting.templates import DEFAULT_TEMPLATE, fill
from trainers.prompting.tokens import tokenize
from trainers.promptsrc import consistency_losses
from trainers.vpt import VisualPromptCLIP

FILES = [path for name in ("coop_*", "cocoop*", "vpt*", "ivlp*", "maple*", "promptsrc*")
         for path in recordings(f"{name}.npz")]
WARMUP = ["OPTIM.WARMUP_EPOCH", 1, "OPTIM.WARMUP_TYPE", "constant", "OPTIM.WARMUP_CONS_LR", 1e-5]


def test_golden_recordings_of_backbones_are_there():
    assert {Recording(path).meta["trainer"] for path in FILES} >= {
        "CoOp", "CoCoOp", "VPT", "IVLP", "MaPLe", "PromptSRC"}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MAO_CACHE", str(tmp_path / "cache"))


@pytest.fixture(params=FILES, ids=names(FILES))
def record(request):
    return Recording(request.param)


@pytest.fixture
def make(record, tmp_path):
    return lambda extra=(): recorded_trainer(record, tmp_path, extra)


def test_golden_initial_context_is_the_words(record, tmp_path):
    options = dict(zip(record.meta["opts"][::2], record.meta["opts"][1::2]))
    words = next((value for key, value in options.items() if key.endswith("CTX_INIT")), "")
    name, key = record.meta["trainer"], "prompt_learner.ctx"
    trainer = make_trainer(name, record.classnames, save_tiny_clip(record.meta["clip"], tmp_path),
                           record.meta["opts"], record["images_0"].shape[-1])
    if name == "VPT":
        assert not hasattr(trainer.model, "prompt_learner")
        return
    recorded = record.group("init")[key]
    from_words = bool(words) and (name in ("CoOp", "CoCoOp") or len(recorded) <= 4)
    assert torch.equal(trainer.model.get_parameter(key), recorded) == from_words


def test_golden_backbone_tokens(record, make):
    if record.meta["trainer"] == "VPT":
        tokens = tokenize(fill(DEFAULT_TEMPLATE, record.classnames), 77)
        padding = (0, record["tokens"].shape[1] - tokens.shape[1])
        assert torch.equal(torch.nn.functional.pad(tokens, padding), record["tokens"].long())
        return
    learner = make().model.prompt_learner
    tokens = learner.tokenized_prompts
    assert torch.equal(tokens, record["tokens"].long()[:, :tokens.shape[1]])
    assert not record["tokens"][:, tokens.shape[1]:].any()
    assert learner.name_lens == record["name_lens"].tolist()


def text_features_of(model, image):
    """Un-normalised: of the classes or, with CoCoOp, of the classes for each image."""
    if isinstance(model, VisualPromptCLIP):
        return model.text_features
    return model.encode_prompts(*[normalize(model.encode_images(image))] if isinstance(model, ConditionalCLIP) else [])


def test_golden_backbone_forward_and_gradient(record, make):
    trainer = make()
    model, batch = trainer.model, record.batches()[0]
    model.eval()
    with torch.no_grad():
        assert_close(model(batch["img"]), record["eval_logits"], 1e-3, "eval logits")
        assert_close(model(batch["img"]), record["eval_logits"], 1e-3, "eval logits from kept text features")
        assert_close(model.encode_images(batch["img"]), record["image_features_raw"], 1e-4, "image features")
        assert_close(text_features_of(model, batch["img"]), record["text_features_raw"], 1e-4, "text features")
    model.train()
    loss, logits = trainer.training_loss(batch["img"], batch["label"])
    loss.backward()
    assert_close(logits, record["train_logits"], 1e-3, "train logits")
    assert_close(loss, record["loss"], 2e-4, "loss")
    gradients = record.group("grad")
    largest = max(value.abs().max().item() for value in gradients.values())
    for name, expected in gradients.items():
        assert_close(model.get_parameter(name).grad, expected, 1e-4 * largest, f"gradient of {name}")


def parameters_after(record, run, k):
    return record.group(f"{run}_after{k}")


@pytest.mark.parametrize("run, extra", [("runB", []), ("runA", WARMUP)])
def test_golden_backbone_steps(record, make, run, extra):
    trainer = make(extra)
    bounds = {"runA": {1: 2e-6}, "runB": {}}[run]
    losses, rates = [], []
    for k, batch in enumerate(record.batches(), start=1):
        rates.append(trainer.get_current_lr())
        losses.append(step(trainer, batch, last_of_epoch=run == "runA"))
        for name, expected in parameters_after(record, run, k).items():
            bound = bounds.get(k, {"runA": 5e-4, "runB": 2e-3}[run])
            assert_close(trainer.model.get_parameter(name), expected, bound, f"{name} after step {k}")
    np.testing.assert_allclose(rates, record.arrays[f"{run}_lrs"], rtol=1e-9)
    assert_close(losses, record[f"{run}_losses"], 1e-2, "losses")
    trainer.model.eval()
    with torch.no_grad():
        logits = trainer.model(record["images_0"])
    assert_close(logits, record[f"{run}_eval_logits"], 0.2, "eval logits after the steps")


@pytest.mark.parametrize("path", recordings("cocoop*.npz"), ids=lambda path: path.stem)
def test_golden_cocoop_context_of_each_image(path, tmp_path):
    record = Recording(path)
    model = recorded_trainer(record, tmp_path).model.eval()
    with torch.no_grad():
        features = normalize(model.encode_images(record["images_0"]))
        shifts = model.prompt_learner.contexts(features) - model.prompt_learner.ctx
    expected = record["meta_net_bias"][:, None].expand_as(shifts)
    assert_close(shifts, expected, 1e-5, "what is added to each vector of an image's context")


def promptsrc_recordings():
    return [path for path in FILES if Recording(path).meta["trainer"] == "PromptSRC"]


@pytest.mark.parametrize("path", promptsrc_recordings(), ids=lambda path: path.stem)
def test_golden_promptsrc_terms(path, tmp_path):
    check_promptsrc_terms(recorded_trainer(Recording(path), tmp_path), Recording(path))


def check_promptsrc_terms(trainer, record):
    """Every part of PromptSRC's loss on batch 0."""
    learner, batch = trainer.model.prompt_learner, record.batches()[0]
    trainer.model.train()
    _, text, teacher_text, teacher_image, image, teacher_logits, logits = trainer.model(batch["img"], batch["label"])
    assert_close(learner.teacher_text_features, record["teacher_text_features"], 1e-4, "teacher's text features")
    assert_close(text, record["train_text_features"], 1e-4, "text features")
    assert_close(image, record["train_image_features"], 1e-4, "image features")
    assert_close(teacher_image, record["teacher_image_features"], 1e-4, "teacher's image features")
    assert_close(teacher_logits, record["teacher_logits"], 1e-3, "teacher's logits")
    assert_close(logits, record["train_logits"], 1e-3, "logits")
    text_loss, image_loss, logits_loss = consistency_losses(
        text, teacher_text, image, teacher_image, logits, teacher_logits)
    options = trainer.cfg.TRAINER.PROMPTSRC
    assert_close(text_loss, record["raw_l1_text"], 1e-6, "text loss")
    assert_close(image_loss, record["raw_l1_image"], 1e-6, "image loss")
    assert_close(options.TEXT_LOSS_WEIGHT * text_loss, record["term_scl_text"], 2e-4, "weighted text loss")
    assert_close(options.IMAGE_LOSS_WEIGHT * image_loss, record["term_scl_image"], 2e-4, "weighted image loss")
    assert_close(logits_loss, record["term_scl_logits"], 2e-4, "logits loss")


@pytest.mark.parametrize("path", recordings("gpa*.npz"), ids=lambda path: path.stem)
def test_golden_gaussian_weights(path):
    record = Recording(path)
    for epochs, mean, std in record.meta["weights"]:
        expected = record.arrays[f"weights_epochs{epochs}_mean{mean}_std{std}"]
        np.testing.assert_allclose(epoch_weights(epochs, mean, std), expected, rtol=1e-10)


def gaussian_runs():
    return [(path, *run) for path in recordings("gpa*.npz") for run in Recording(path).meta["runs"]]


@pytest.mark.parametrize("path, epochs, mean, std", gaussian_runs(), ids=lambda value: getattr(value, "stem", None))
def test_golden_gaussian_averaging(path, epochs, mean, std, tmp_path):
    """Each epoch starts from its recorded parameters: three steps in a row would amplify rounding a thousandfold."""
    record = Recording(path)
    run = f"run_epochs{epochs}_mean{mean}_std{std}"
    extra = [*WARMUP, "OPTIM.MAX_EPOCH", epochs, "TRAINER.PROMPTSRC.GPA_MEAN", mean, "TRAINER.PROMPTSRC.GPA_STD", std]
    trainer = recorded_trainer(record, tmp_path, extra, name="PromptSRC")
    batches, losses = record.batches(), []
    for epoch in range(1, epochs + 1):
        if epoch > 1:
            put_in(trainer, record.group(f"{run}/epoch{epoch - 1}"))
        losses.append(step(trainer, batches[(epoch - 1) % len(batches)], last_of_epoch=True))
        if epoch < epochs:
            for name, expected in record.group(f"{run}/epoch{epoch}").items():
                assert_close(trainer.model.get_parameter(name), expected, 2e-6, f"{name} after epoch {epoch}")
    assert_close(losses, record[f"{run}/losses"], 2e-4, "losses")
    for name, expected in record.group(f"{run}/averaged").items():
        assert_close(trainer.model.get_parameter(name), expected, 2e-6, f"averaged {name}")
    trainer.model.eval()
    with torch.no_grad():
        logits = trainer.model(record["images_0"])
    assert_close(logits, record[f"{run}/eval_logits_batch0_frozen_untouched"], 1e-2, "logits of the average")


@pytest.mark.parametrize("path", recordings("checkpoint_*_eval.npz"), ids=lambda path: path.stem)
def test_golden_checkpoint(path, tmp_path, golden_dir):
    """An original checkpoint's learnable entries load; ours has the same place, key names and shapes."""
    record = Recording(path)
    prefix = path.stem[: -len("_eval")]
    keys = json.loads((golden_dir / f"{prefix}_keys.json").read_text())
    folder = tmp_path / "run" / keys["file"]
    folder.parent.mkdir(parents=True)
    folder.write_bytes((golden_dir / f"{prefix}_reduced.pth.tar").read_bytes())
    clip_path = save_tiny_clip(record.meta["clip"], tmp_path)
    options = [*record.meta["opts"], "OUTPUT_DIR", str(tmp_path / "ours")]
    trainer = make_trainer(record.meta["trainer"], record.classnames, clip_path, options, record["images_0"].shape[-1])
    trainer.load_model(str(tmp_path / "run"), epoch=keys["epoch"])
    trainer.model.eval()
    with torch.no_grad():
        logits = trainer.model(record["images_0"])
    assert_close(logits, record["eval_logits_learnable_only"], 1e-3, "logits")
    assert_close(logits, record["eval_logits_full_checkpoint"], 1e-3, "logits of the full file")

    trainer.save_model(keys["epoch"] - 1, str(tmp_path / "ours"))
    ours = torch.load(tmp_path / "ours" / keys["file"], weights_only=True)
    assert {key: list(value.shape) for key, value in ours["state_dict"].items()} == {
        key: keys["state_dict"][key]["shape"] for key in keys["learnable_keys"]
    }
    assert set(keys["top_level_keys"]) <= set(ours)
    assert ours["epoch"] == keys["epoch"]
    marker = (tmp_path / "ours" / keys["file"]).parent / "checkpoint"
    assert marker.read_text() == keys["checkpoint_marker_file_content"]
