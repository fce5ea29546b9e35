"""The restriction to candidate classes narrows a host completely, exactly, and only for its length."""
import pytest
import torch
from small_coop import model_of
from torch.nn import functional as F

from trainers.mao.candidates import candidate_classes, check_host
from trainers.mao.errors import MAOError

LABELS = torch.tensor([3, 0, 3, 4])


@pytest.mark.parametrize("csc", [False, True])
@pytest.mark.parametrize("position", ["end", "middle", "front"])
def test_same_loss_and_gradient_as_columns_of_all_classes(position, csc):
    model = model_of(CLASS_TOKEN_POSITION=position, CSC=csc)
    images = torch.randn(4, 3, 32, 32)
    columns = model(images)[:, LABELS]
    expected = F.cross_entropy(columns, torch.arange(4))
    expected.backward()
    gradient = model.prompt_learner.ctx.grad.clone()
    model.zero_grad()
    with candidate_classes(model, LABELS) as targets:
        logits = model(images)
        loss = F.cross_entropy(logits, targets)
        loss.backward()
    torch.testing.assert_close(logits, columns, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(model.prompt_learner.ctx.grad, gradient,
                               rtol=1e-3, atol=1e-4 * gradient.abs().max().item())


def test_a_class_twice_counts_twice():
    model = model_of()
    with candidate_classes(model, LABELS):
        logits = model(torch.randn(2, 3, 32, 32))
    assert torch.equal(logits[:, 0], logits[:, 2])


@pytest.mark.parametrize("csc", [False, True])
def test_everything_is_put_back_also_after_an_error(csc):
    model = model_of(CSC=csc)
    learner = model.prompt_learner
    learner.further = torch.nn.Parameter(torch.zeros(2))
    before = {name: id(value) for name, value in [*learner.named_parameters(), *learner.named_buffers()]}
    plain = (learner.n_cls, list(learner.name_lens))
    with pytest.raises(ZeroDivisionError):
        with candidate_classes(model, LABELS):
            assert learner.n_cls == len(learner.name_lens) == len(learner.token_suffix) == 4
            raise ZeroDivisionError
    assert {name: id(value) for name, value in [*learner.named_parameters(), *learner.named_buffers()]} == before
    assert list(dict(learner.named_parameters())) == ["ctx", "further"]
    assert (learner.n_cls, learner.name_lens) == plain
    assert isinstance(learner.ctx, torch.nn.Parameter)


def test_tokens_kept_on_the_model_as_in_forks():
    class ForkModel(torch.nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.prompt_learner = inner.prompt_learner
            self.tokenized_prompts = inner.tokenized_prompts.clone()  # a plain attribute, not a buffer
            self.class_bias = torch.arange(5.0)

    model = ForkModel(model_of())
    whole = model.tokenized_prompts
    for wrapped in (model, torch.nn.DataParallel(model)):
        with candidate_classes(wrapped, LABELS, further_names=("class_bias",)):
            assert torch.equal(model.tokenized_prompts, whole[LABELS])
            assert torch.equal(model.class_bias, LABELS.float())
        assert model.tokenized_prompts is whole and len(model.class_bias) == 5


def test_host_without_what_is_needed_is_named():
    class Bare(torch.nn.Module):
        pass

    with pytest.raises(MAOError, match="Strange: it has no model.prompt_learner"):
        check_host(Bare(), "Strange")
    model = model_of()
    del model.prompt_learner.token_suffix
    with pytest.raises(MAOError, match="token_suffix"):
        check_host(model, "Strange")
    check_host(torch.nn.DataParallel(model_of()), "CoOp")
