"""Compiled towers compute what they are compiled from. With aot_eager, which needs no C++ compiler."""
import copy

import pytest
import torch
from small_coop import model_of
from torch.nn import functional as F

from trainers.prompting.compiling import compile_towers


@pytest.fixture
def images():
    return torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def test_compiled_towers_give_the_same_losses_and_gradients_and_keep_their_names(images):
    plain = model_of()
    compiled = copy.deepcopy(plain)
    compile_towers(compiled, "aot_eager")
    assert compiled.image_encoder._compiled_call_impl is not None
    found = []
    for model in (plain, compiled):
        loss = F.cross_entropy(model(images), torch.arange(4))
        loss.backward()
        found.append((loss.detach(), model.prompt_learner.ctx.grad))
    torch.testing.assert_close(found[1], found[0], rtol=1e-5, atol=1e-5)
    with torch.no_grad():
        torch.testing.assert_close(compiled.eval()(images[:3]), plain.eval()(images[:3]), rtol=1e-5, atol=1e-4)
    names = [[name for name, _ in model.named_parameters()] for model in (plain, compiled)]
    assert names[0] == names[1]
    twin = copy.deepcopy(compiled)  # as MAO copies the labeller of step 2
    assert twin.image_encoder._compiled_call_impl is None


def test_nothing_is_compiled_unless_asked():
    model = model_of()
    compile_towers(model, "")
    assert model.image_encoder._compiled_call_impl is None
