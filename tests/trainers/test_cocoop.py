"""CoCoOp beyond the recorded numbers: all images in one batch are the images one by one."""
import pytest
import torch
from recordings import make_trainer, step
from small_clip import small_clip_state

from compat.errors import UserError
from trainers.prompting import encoders

NAMES = ["cat", "grand_piano", "stethoscope", "ice cream van", "bee"]


def make(folder, *extra):
    torch.save(small_clip_state(), folder / "clip.pt")
    torch.manual_seed(0)
    return make_trainer("CoCoOp", NAMES, folder / "clip.pt", ["TRAINER.COCOOP.N_CTX", 3, *extra], 32)


def batch():
    generator = torch.Generator().manual_seed(1)
    return {"img": torch.randn(5, 3, 32, 32, generator=generator), "label": torch.tensor([3, 0, 3, 4, 1])}


def loss_and_gradients(trainer):
    trainer.model.train().zero_grad()
    loss, _ = trainer.training_loss(*batch().values())
    loss.backward()
    return [loss.detach(), *(parameter.grad for parameter in trainer.model.prompt_learner.parameters())]


def test_each_image_has_its_own_text_features(tmp_path):
    """Prompt by prompt through CLIP's own text tower, at full length."""
    model = make(tmp_path).model.eval()
    learner, encoder = model.prompt_learner, model.text_encoder
    with torch.no_grad():
        features = encoders.normalize(model.encode_images(batch()["img"]))
        found = model.encode_prompts(features)
        contexts = learner.contexts(features)
        for of_image, context in zip(found, contexts, strict=True):
            expected = encoder(learner.assemble(context), learner.tokenized_prompts)
            torch.testing.assert_close(of_image, expected, rtol=1e-4, atol=1e-4)
    assert found.shape == (5, 5, 32) and (contexts[0] - contexts[1]).abs().max() > 0


@pytest.mark.parametrize("tokens, pieces", [(60, 3), (40, 5), (12, 10)])  # two images, one, half of one
def test_memory_for_fewer_images_changes_nothing(tmp_path, monkeypatch, tokens, pieces):
    trainer = make(tmp_path)
    together = loss_and_gradients(trainer)
    monkeypatch.setattr(encoders, "TOKENS", tokens)
    encode, calls = encoders.TextEncoder._encode, []
    monkeypatch.setattr(encoders.TextEncoder, "_encode", lambda self, piece, *inputs: (
        calls.append(torch.is_grad_enabled()), encode(self, piece, *inputs))[1])
    apart = loss_and_gradients(trainer)
    assert calls == [False] * pieces + [True] * pieces
    largest = max(value.abs().max().item() for value in together[1:])
    for found, expected in zip(apart, together, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * largest)


@pytest.mark.parametrize("precision", ["fp32", "amp", "bf16"])
def test_precisions_train_on_a_cpu(tmp_path, precision):
    trainer = make(tmp_path, "TRAINER.COCOOP.PREC", precision)
    losses = [step(trainer, batch(), last_of_epoch=False) for _ in range(4)]
    assert losses[-1] < losses[0]
    assert all(parameter.dtype is torch.float32 for parameter in trainer.model.prompt_learner.parameters())


def test_no_context_vectors_are_refused(tmp_path):
    with pytest.raises(UserError, match="TRAINER.COCOOP.N_CTX is 0"):
        make(tmp_path, "TRAINER.COCOOP.N_CTX", 0)
