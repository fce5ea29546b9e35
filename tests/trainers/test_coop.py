"""CoOp's prompt learner and trainer beyond the recorded numbers."""
import subprocess
import sys

import pytest
import torch
from paths import IMPORT_PATH
from recordings import make_trainer, step
from small_clip import small_clip, small_clip_state
from yacs.config import CfgNode

from compat.errors import UserError
from trainers.coop import CoOpPromptLearner, extend_cfg
from trainers.prompting.tokens import tokenize

NAMES = ["cat", "grand_piano", "stethoscope", "ice cream van"]


def options(**changes):
    cfg = CfgNode({"TRAINER": CfgNode()})
    extend_cfg(cfg)
    for key, value in changes.items():
        cfg.TRAINER.COOP[key] = value
    return cfg


@pytest.fixture(scope="module")
def clip_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.pt"
    torch.save(small_clip_state(), path)
    return path


def trainer_of(clip_file, *extra, names=NAMES):
    torch.manual_seed(0)
    return make_trainer("CoOp", names, clip_file, ["TRAINER.COOP.N_CTX", 4, *extra], 32)


def batch(n=4, classes=len(NAMES)):
    generator = torch.Generator().manual_seed(1)
    return {"img": torch.randn(n, 3, 32, 32, generator=generator), "label": torch.arange(n) % classes}


@pytest.mark.parametrize("position, before", [("front", 0), ("middle", 2), ("end", 5)])
def test_class_name_stands_where_it_should(position, before):
    learner = CoOpPromptLearner(options(N_CTX=5, CLASS_TOKEN_POSITION=position), NAMES, small_clip())
    prompts = learner()
    for k, n_name in enumerate(learner.name_lens):
        prefix, ctx, suffix = learner.token_prefix[k], learner.ctx, learner.token_suffix[k]
        expected = torch.cat([prefix, ctx[:before], suffix[:n_name], ctx[before:], suffix[n_name:]])
        assert torch.equal(prompts[k], expected)


def test_token_order_is_that_of_the_worked_example():
    learner = CoOpPromptLearner(options(N_CTX=4, CLASS_TOKEN_POSITION="middle"), ["grand piano"], small_clip())
    assert learner.name_lens == [2]
    assert learner._token_order(9).tolist() == [[0, 1, 2, 5, 6, 3, 4, 7, 8]]


def test_class_specific_context_has_one_per_class():
    learner = CoOpPromptLearner(options(N_CTX=3, CSC=True), NAMES, small_clip())
    assert learner.ctx.shape == (len(NAMES), 3, 64)
    assert torch.equal(learner()[:, 1:4], learner.ctx)


def test_words_win_over_n_ctx_and_csc():
    clip_model = small_clip()
    learner = CoOpPromptLearner(options(N_CTX=3, CSC=True, CTX_INIT="a_photo_of a"), NAMES, clip_model)
    tokens = tokenize(["a photo of a"], 77)
    assert torch.equal(learner.ctx, clip_model.token_embedding(tokens)[0, 1:5])


def test_prompts_are_cut_to_the_longest():
    learner = CoOpPromptLearner(options(N_CTX=4), NAMES, small_clip())
    assert learner.tokenized_prompts.shape[1] == 1 + 4 + max(learner.name_lens) + 1 + 1  # start, ..., full stop, end


def test_too_many_tokens_names_the_prompt():
    with pytest.raises(UserError, match="cat.* has 84 tokens.*takes 77"):
        CoOpPromptLearner(options(N_CTX=80), ["cat", "ice cream"], small_clip())


def test_state_is_the_context_alone(clip_file, tmp_path):
    trainer = trainer_of(clip_file)
    assert list(trainer.model.prompt_learner.state_dict()) == ["ctx"]
    assert list(trainer.model.state_dict()) == ["prompt_learner.ctx"]
    assert [n for n, p in trainer.model.named_parameters() if p.requires_grad] == ["prompt_learner.ctx"]


def test_only_the_context_moves(clip_file):
    trainer = trainer_of(clip_file)
    before = {name: p.clone() for name, p in trainer.model.named_parameters()}
    step(trainer, batch(), last_of_epoch=False)
    moved = [name for name, p in trainer.model.named_parameters() if not torch.equal(p, before[name])]
    assert moved == ["prompt_learner.ctx"]


def test_kept_text_features_follow_the_prompts(clip_file):
    trainer = trainer_of(clip_file)
    model, images = trainer.model.eval(), batch()["img"]
    calls = []
    model.text_encoder.register_forward_hook(lambda *_: calls.append(1))
    with torch.no_grad():
        first = model(images)
        assert torch.equal(first, model(images)) and len(calls) == 1
        model.prompt_learner.ctx.add_(0.1)
        changed = model(images)
        assert len(calls) == 2 and not torch.equal(first, changed)
        model.prompt_learner.load_state_dict({"ctx": model.prompt_learner.ctx - 0.1})
        torch.testing.assert_close(model(images), first, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("precision", ["fp32", "amp", "bf16"])
def test_precisions_train_on_a_cpu(clip_file, precision):
    trainer = trainer_of(clip_file, "TRAINER.COOP.PREC", precision)
    reference = trainer_of(clip_file)
    one, other = trainer.model.eval(), reference.model.eval()
    with torch.no_grad(), trainer.precision.autocast():
        assert (one(batch()["img"]).float() - other(batch()["img"])).abs().max() < 3.0  # logits have a scale of 100
    losses = [step(trainer, batch(), last_of_epoch=False) for _ in range(3)]
    assert all(loss == loss for loss in losses) and losses[-1] < losses[0]
    assert trainer.model.prompt_learner.ctx.dtype is torch.float32


def test_fp16_on_a_cpu_falls_back_with_a_warning(clip_file):
    with pytest.warns(UserWarning, match="fp16 needs a GPU"):
        trainer = trainer_of(clip_file, "TRAINER.COOP.PREC", "fp16")
    assert trainer.model.dtype is torch.float32


@pytest.mark.parametrize("extra, words", [
    (["TRAINER.COOP.PREC", "fp8"], "fp8.*fp32"),
    (["TRAINER.COOP.CLASS_TOKEN_POSITION", "begin"], "begin.*front"),
    (["TRAINER.COOP.N_CTX", 0], "N_CTX is 0"),
    (["INPUT.SIZE", (224, 224)], "takes 32x32"),
    (["TRAINER.COOP.CTX_INIT", "a  photo   of"], "have 3 tokens, and 4 context vectors would replace the class name"),
    (["TRAINER.COOP.CTX_INIT", "   "], "have 0 tokens, and 1 context vectors"),
    (["TRAINER.COOP.CTX_INIT", "qjx" * 10 ** 5], "has 300,.* characters, more than 77 tokens hold"),
    (["TRAINER.COOP.CTX_INIT", "<|endoftext|> a"], "which mark the ends of a text"),
])
def test_bad_options_are_refused(clip_file, extra, words):
    with pytest.raises(UserError, match=words):
        trainer_of(clip_file, *extra)


def test_checkpoint_is_small(tmp_path):
    torch.save(small_clip_state(transformer_width=512, transformer_heads=8), tmp_path / "clip.pt")
    trainer = make_trainer("CoOp", NAMES, tmp_path / "clip.pt",
                           ["TRAINER.COOP.N_CTX", 4, "OUTPUT_DIR", str(tmp_path)], 32)
    for _ in range(2):
        step(trainer, batch(), last_of_epoch=False)  # so that the optimiser has momentum to save
    trainer.save_model(0, str(tmp_path))
    assert (tmp_path / "prompt_learner" / "model.pth.tar-1").stat().st_size < 100_000


def test_load_refuses_another_context_length(clip_file, tmp_path):
    short = trainer_of(clip_file)
    short.save_model(0, str(tmp_path))
    with pytest.raises(UserError, match=r"ctx has shape \(4, 64\), expected \(6, 64\)"):
        make_trainer("CoOp", NAMES, clip_file, ["TRAINER.COOP.N_CTX", 6], 32).load_model(str(tmp_path), epoch=1)


def test_load_model_finds_the_best_then_the_newest(clip_file, tmp_path):
    trainer = trainer_of(clip_file)
    learner = trainer.model.prompt_learner
    for epoch in (0, 1):
        with torch.no_grad():
            learner.ctx.fill_(epoch + 1.0)
        trainer.save_model(epoch, str(tmp_path))
    trainer.load_model(str(tmp_path), epoch=1)
    assert learner.ctx[0, 0] == 1
    trainer.load_model(str(tmp_path))
    assert learner.ctx[0, 0] == 2
    with pytest.raises(UserError, match="model.pth.tar-9.*model.pth.tar-1"):
        trainer.load_model(str(tmp_path), epoch=9)
    with pytest.raises(UserError, match="no checkpoint folder"):
        trainer.load_model(str(tmp_path / "absent"))


def test_no_warning_from_the_clip_package():
    code = "import trainers.prompting.clip_loading"
    done = subprocess.run([sys.executable, "-W", "default", "-c", code], capture_output=True, text=True,
                          env={"PYTHONPATH": IMPORT_PATH, "PATH": ""})
    assert done.returncode == 0 and "pkg_resources" not in done.stderr
