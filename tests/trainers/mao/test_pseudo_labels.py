"""The frozen pseudo-labeller: shares weights, never changes, encodes its classes once."""
import torch
from small_coop import model_of

from trainers.mao.pseudo_labels import PseudoLabeller, frozen_copy


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


class PerImagePrompts(torch.nn.Module):
    """Encodes other prompts for each image, as CoCoOp does."""

    def __init__(self):
        super().__init__()
        self.prompt_learner = torch.nn.Linear(3, 4)
        self.text_encoder = torch.nn.Linear(4, 5)
        self.teacher = self.text_encoder(torch.ones(2, 4))  # a result of a computation in a plain attribute

    def forward(self, images):
        return torch.stack([self.text_encoder(self.prompt_learner(image.mean(dim=(1, 2)))) for image in images])


def test_prompts_of_each_image_are_encoded_each_time():
    torch.manual_seed(0)
    model = PerImagePrompts()
    images = torch.randn(8, 3, 4, 4) * 10
    twin = frozen_copy(model)
    assert twin.teacher is model.teacher
    with torch.no_grad():
        assert torch.equal(twin(images), model(images))
    assert len(set(PseudoLabeller(twin).label(images).tolist())) > 1


def test_copy_of_a_wrapped_model():
    model = torch.nn.DataParallel(model_of())
    assert type(frozen_copy(model)) is type(model.module)
