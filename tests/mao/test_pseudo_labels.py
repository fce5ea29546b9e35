"""The frozen pseudo-labeller: shares weights, never changes, encodes its classes once."""
import torch

from trainers.mao.pseudo_labels import PseudoLabeller, frozen_copy
from test_candidates import model_of


def test_copy_shares_frozen_weights_and_owns_its_prompts():
    model = model_of()
    twin = frozen_copy(model)
    for (name, ours), theirs in zip(model.named_parameters(), twin.parameters()):
        assert (ours.data_ptr() == theirs.data_ptr()) == (name != "prompt_learner.ctx"), name
        assert not theirs.requires_grad
    assert all(a is b for a, b in zip(model.buffers(), twin.buffers()))
    assert model.prompt_learner.ctx.requires_grad and not twin.training


def test_labels_stay_those_of_the_first_prompts():
    model = model_of().eval()
    images = torch.randn(6, 3, 32, 32)
    with torch.no_grad():
        before = model(images)
    labeller = PseudoLabeller(frozen_copy(model))
    with torch.no_grad():
        model.prompt_learner.ctx.normal_(std=2.0)
        after = model(images)
    assert torch.equal(labeller.label(images), before.argmax(dim=1))
    assert not torch.allclose(before, after)


def test_classes_are_encoded_once():
    twin = frozen_copy(model_of())
    calls = []
    twin.text_encoder.transformer.resblocks[0].ln_1.register_forward_hook(lambda *_: calls.append(1))
    twin.train()  # a host that encodes its prompts at every forward
    labeller = PseudoLabeller(twin)
    for _ in range(3):
        labeller.label(torch.randn(2, 3, 32, 32))
    assert len(calls) == 1


def test_copy_of_a_wrapped_model():
    model = torch.nn.DataParallel(model_of())
    assert type(frozen_copy(model)) is type(model.module)
