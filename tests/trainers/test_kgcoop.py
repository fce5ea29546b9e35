"""KgCoOp: its loss against a plain formula, whatever it starts from, and checkpoints that CoOp's loader reads."""
import pytest
import torch
from recordings import make_trainer, step
from small_clip import small_clip_state
from torch.nn import functional as F

from compat.errors import UserError
from compat.run_config.values import RULES, check_value
from trainers.prompting.encoders import encode_texts

NAMES = ["cat", "grand_piano", "stethoscope", "ice cream van", "bee"]
BATCH = {"img": torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1)),
         "label": torch.tensor([3, 0, 3, 4])}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MAO_CACHE", str(tmp_path / "cache"))


def make(folder, *pairs, name="KgCoOp"):
    torch.save(small_clip_state(), folder / "clip.pt")
    torch.manual_seed(0)
    return make_trainer(name, NAMES, folder / "clip.pt", ["TRAINER.COOP.N_CTX", 4, *pairs], 32)


def hand_written(trainer, template="a photo of a {}."):
    """Normalised features of plain prompts, by the CLIP inside."""
    from trainers.prompting.configured_clip import configured_clip

    texts = [template.format(name.replace("_", " ")) for name in NAMES]
    return F.normalize(encode_texts(configured_clip(trainer.cfg), texts).float(), dim=1)


@pytest.mark.parametrize("weight", [8.0, 0.5])  # 8 is the default
def test_loss_is_cross_entropy_and_the_distance_to_the_hand_written_prompts(tmp_path, weight):
    trainer = make(tmp_path, *([] if weight == 8 else ["TRAINER.COOP.W", weight]))
    model = trainer.model.train()
    loss, logits = trainer.training_loss(*BATCH.values())
    knowledge = hand_written(trainer)
    torch.testing.assert_close(model.prompt_learner.ori_embedding, knowledge, rtol=1e-4, atol=1e-5)
    assert not model.prompt_learner.ori_embedding.requires_grad
    learnt = model.encode_prompts().float()
    similarity = [torch.dot(a, b) / a.norm() / b.norm() for a, b in zip(learnt, knowledge)]
    expected = F.cross_entropy(model(BATCH["img"]), BATCH["label"]) + weight * (1 - torch.stack(similarity)).sum() / 5
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(logits, model(BATCH["img"]))
    if weight == 8:
        trainer.cfg = trainer.cfg.clone()
        del trainer.cfg.TRAINER.COOP["W"]  # CoOp's node as a fork has it
        torch.testing.assert_close(trainer.training_loss(*BATCH.values())[0], loss)
    (gradient,) = torch.autograd.grad(loss, model.prompt_learner.ctx)
    (of_formula,) = torch.autograd.grad(expected, model.prompt_learner.ctx)
    torch.testing.assert_close(gradient, of_formula, rtol=1e-3, atol=1e-4 * of_formula.abs().max().item())


def test_the_words_of_the_hand_written_prompts_are_no_distance_from_them(tmp_path):
    """Its context starts as the template's words, so only the cross-entropy is left."""
    trainer = make(tmp_path, "TRAINER.COOP.CTX_INIT", "a photo of a")
    loss, logits = trainer.training_loss(*BATCH.values())
    torch.testing.assert_close(loss, F.cross_entropy(logits, BATCH["label"]), rtol=1e-4, atol=1e-4)
    assert len(trainer.model.prompt_learner.ctx) == 4


def test_knowledge_is_that_of_the_data_set_s_template(tmp_path):
    trainer = make(tmp_path)
    trainer.dm.dataset.template = "itap of a {}."
    trainer.dm.dataset.classnames = NAMES
    trainer._models.clear(), trainer._optims.clear(), trainer._scheds.clear()
    trainer.build_model()
    torch.testing.assert_close(trainer.model.prompt_learner.ori_embedding, hand_written(trainer, "itap of a {}."),
                               rtol=1e-4, atol=1e-5)


def test_a_step_lowers_the_loss_and_without_weight_is_coop_s(tmp_path):
    trainer = make(tmp_path)
    losses = [step(trainer, BATCH, last_of_epoch=False) for _ in range(4)]
    assert losses[-1] < losses[0]
    contexts = []
    for name in ("KgCoOp", "CoOp"):
        trainer = make(tmp_path, "TRAINER.COOP.W", 0.0, name=name)
        step(trainer, BATCH, last_of_epoch=False)
        contexts.append(trainer.model.prompt_learner.ctx.detach())
    torch.testing.assert_close(*contexts)


def test_checkpoints_are_coop_s(tmp_path):
    trainer = make(tmp_path)
    trainer.save_model(0, str(tmp_path / "saved"))
    state = torch.load(tmp_path / "saved/prompt_learner/model.pth.tar-1", weights_only=True)["state_dict"]
    assert list(state) == ["ctx"] and state["ctx"].shape == (4, 64)
    with torch.no_grad():
        trainer.model.prompt_learner.ctx.add_(1)
    # as its repository saves it, with the classes it was trained on
    torch.save({"state_dict": {**state, "token_prefix": torch.zeros(3, 1, 64), "token_suffix": torch.zeros(3, 72, 64)},
                "epoch": 1}, tmp_path / "saved/prompt_learner/model.pth.tar-1")
    for name in ("KgCoOp", "CoOp"):
        other = make(tmp_path, name=name)
        other.load_model(str(tmp_path / "saved"), epoch=1)
        assert torch.equal(other.model.prompt_learner.ctx, state["ctx"])


def test_options_that_no_run_can_have_are_refused(tmp_path):
    with pytest.raises(UserError, match="TRAINER.COOP.CLASS_TOKEN_POSITION"):
        make(tmp_path, "TRAINER.COOP.CLASS_TOKEN_POSITION", "behind")
    with pytest.raises(UserError, match="TRAINER.COOP.N_CTX is 0"):
        make(tmp_path, "TRAINER.COOP.N_CTX", 0)
    with pytest.raises(UserError, match="TRAINER.COOP.W is -1.0: give a number"):
        check_value("TRAINER.COOP.W", -1.0, RULES["TRAINER.COOP.W"])
