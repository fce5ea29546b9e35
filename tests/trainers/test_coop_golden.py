"""CoOp, against numbers recorded from the original: values, gradients, optimiser steps, checkpoints."""
import json

import numpy as np
import pytest
import torch
from recordings import Recording, assert_close, make_trainer, names, recordings, save_tiny_clip, step

FILES = recordings("coop_*.npz")
WARMUP = ["OPTIM.WARMUP_EPOCH", 1, "OPTIM.WARMUP_TYPE", "constant", "OPTIM.WARMUP_CONS_LR", 1e-5]


def test_golden_recordings_of_coop_are_there():
    assert FILES


@pytest.fixture(params=FILES, ids=names(FILES))
def record(request):
    return Recording(request.param)


@pytest.fixture
def make(record, tmp_path):
    """Function that makes the recorded trainer at its recorded initial values."""
    path = save_tiny_clip(record.meta["clip"], tmp_path)

    def build(extra=()):
        options = [*record.meta["opts"], *extra]
        trainer = make_trainer("CoOp", record.classnames, path, options, record["images_0"].shape[-1])
        learnable = dict(trainer.model.named_parameters())
        initial = record.group("init")
        assert {name for name, p in learnable.items() if p.requires_grad} == set(initial)
        with torch.no_grad():
            for name, value in initial.items():
                assert learnable[name].shape == value.shape
                if "CTX_INIT" in str(options) and options[options.index("TRAINER.COOP.CTX_INIT") + 1]:
                    assert torch.equal(learnable[name], value)  # the words' embeddings
                learnable[name].copy_(value)
        return trainer

    return build


def test_golden_coop_tokens(record, make):
    learner = make().model.prompt_learner
    tokens = learner.tokenized_prompts
    assert torch.equal(tokens, record["tokens"].long()[:, :tokens.shape[1]])
    assert not record["tokens"][:, tokens.shape[1]:].any()
    assert learner.name_lens == record["name_lens"].tolist()


def test_golden_coop_forward_and_gradient(record, make):
    trainer = make()
    model, batch = trainer.model, record.batches()[0]
    model.eval()
    with torch.no_grad():
        assert_close(model(batch["img"]), record["eval_logits"], 1e-3, "eval logits")
        assert_close(model(batch["img"]), record["eval_logits"], 1e-3, "eval logits from kept text features")
        assert_close(model.image_encoder(batch["img"]), record["image_features_raw"], 1e-4, "image features")
        assert_close(model.encode_prompts(), record["text_features_raw"], 1e-4, "text features")
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
def test_golden_coop_steps(record, make, run, extra):
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


def checkpoint_recordings():
    return [path for path in recordings("checkpoint_*_eval.npz") if Recording(path).meta["trainer"] == "CoOp"]


@pytest.mark.parametrize("path", checkpoint_recordings(), ids=lambda path: path.stem)
def test_golden_checkpoint_of_coop(path, tmp_path, golden_dir):
    """An original checkpoint's learnable entries load; ours has the same place, key names and shapes."""
    record = Recording(path)
    prefix = path.stem[: -len("_eval")]
    keys = json.loads((golden_dir / f"{prefix}_keys.json").read_text())
    folder = tmp_path / "run" / keys["file"]
    folder.parent.mkdir(parents=True)
    folder.write_bytes((golden_dir / f"{prefix}_reduced.pth.tar").read_bytes())
    clip_path = save_tiny_clip(record.meta["clip"], tmp_path)
    options = [*record.meta["opts"], "OUTPUT_DIR", str(tmp_path / "ours")]
    trainer = make_trainer("CoOp", record.classnames, clip_path, options, record["images_0"].shape[-1])
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
