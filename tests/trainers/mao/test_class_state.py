"""reg-B narrows a host to the classes of a batch completely, exactly, and only for the length of a step."""
import pytest
import torch
from small_coop import model_of
from torch import nn
from torch.nn import functional as F

from trainers.mao.class_state import ClassState

LABELS = torch.tensor([3, 0, 3, 4])


@pytest.mark.parametrize("csc", [False, True])
@pytest.mark.parametrize("position", ["end", "middle", "front"])
def test_loss_and_gradient_are_those_of_the_columns_among_all_classes(position, csc):
    model = model_of(CLASS_TOKEN_POSITION=position, CSC=csc)
    images = torch.randn(4, 3, 32, 32)
    columns = model(images)[:, LABELS]
    expected = F.cross_entropy(columns, torch.arange(4))
    expected.backward()
    gradient = model.prompt_learner.ctx.grad.clone()
    model.zero_grad()
    with ClassState().narrowed(LABELS, model) as targets:
        logits = model(images)
        loss = F.cross_entropy(logits, targets)
        loss.backward()
    torch.testing.assert_close(logits, columns, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(model.prompt_learner.ctx.grad, gradient,
                               rtol=1e-3, atol=1e-4 * gradient.abs().max().item())


def test_a_class_that_is_in_the_batch_twice_has_two_equal_columns():
    model = model_of()
    with ClassState().narrowed(LABELS, model):
        logits = model(torch.randn(2, 3, 32, 32))
    assert torch.equal(logits[:, 0], logits[:, 2])


@pytest.mark.parametrize("csc", [False, True])
def test_everything_is_put_back_after_an_error(csc):
    model = model_of(CSC=csc)
    learner = model.prompt_learner
    learner.further = nn.Parameter(torch.zeros(2))
    before = {name: id(value) for name, value in [*learner.named_parameters(), *learner.named_buffers()]}
    plain = (learner.n_cls, list(learner.name_lens))
    with pytest.raises(ZeroDivisionError):
        with ClassState().narrowed(LABELS, model):
            assert learner.n_cls == len(learner.name_lens) == len(learner.token_suffix) == 4
            raise ZeroDivisionError
    assert {name: id(value) for name, value in [*learner.named_parameters(), *learner.named_buffers()]} == before
    assert list(dict(learner.named_parameters())) == ["ctx", "further"]
    assert (learner.n_cls, learner.name_lens) == plain
    assert isinstance(learner.ctx, nn.Parameter)


class ForkModel(nn.Module):
    """Keeps its tokens in a plain attribute of the model, as forks do, and a per-class tensor of its own."""

    def __init__(self):
        super().__init__()
        inner = model_of()
        self.prompt_learner = inner.prompt_learner
        self.tokenized_prompts = inner.tokenized_prompts.clone()
        self.class_bias = torch.arange(5.0)
        self.teacher = nn.Sequential(nn.Identity())


def test_plain_attributes_and_those_that_the_host_names_are_narrowed():
    model = ForkModel()
    whole = model.tokenized_prompts
    for wrapped in (model, nn.DataParallel(model)):
        with ClassState(("class_bias",)).narrowed(LABELS, wrapped):
            assert torch.equal(model.tokenized_prompts, whole[LABELS])
            assert torch.equal(model.class_bias, LABELS.float())
        assert model.tokenized_prompts is whole and len(model.class_bias) == 5


def test_places_are_looked_for_once_and_values_read_in_each_step(monkeypatch):
    model, state, searches = ForkModel(), ClassState(("class_bias",)), []
    find_places = state._find_places
    monkeypatch.setattr(state, "_find_places", lambda roots: (searches.append(roots), find_places(roots)))
    learner = model.prompt_learner
    for step, wrapped in enumerate((model, model, nn.DataParallel(model))):
        model.class_bias = torch.arange(5.0) + step
        learner.register_buffer("token_prefix", learner.token_prefix + step)
        prefix = learner.token_prefix
        with state.narrowed(LABELS, wrapped):
            assert torch.equal(model.class_bias, LABELS + step)
            assert torch.equal(learner.token_prefix, prefix[LABELS])
        assert learner.token_prefix is prefix
    assert len(searches) == 1


class Teacher(nn.Module):
    def __init__(self):
        super().__init__()
        self.text_features = torch.arange(5.0)


@pytest.mark.parametrize("change", [
    lambda model: setattr(model.teacher, "text_features", torch.arange(5.0)),
    lambda model: model.teacher.register_buffer("text_features", torch.arange(5.0)),
    lambda model: model.teacher.register_buffer("token_middle1", torch.arange(5.0)),
    lambda model: model.teacher.append(Teacher()),
    lambda model: model.teacher.__setitem__(0, Teacher()),
    lambda model: setattr(model, "teacher", Teacher()),
], ids=["attribute", "buffer", "token buffer", "module added", "module replaced below", "module replaced"])
def test_what_a_host_adds_or_replaces_between_steps_is_narrowed(change):
    model, state = ForkModel(), ClassState()
    with state.narrowed(LABELS, model):
        pass
    change(model)
    (module, name), = [(module, name) for module in model.teacher.modules()
                       for name in ("text_features", "token_middle1") if hasattr(module, name)]
    with state.narrowed(LABELS, model):
        assert torch.equal(getattr(module, name), LABELS.float())
    assert len(getattr(module, name)) == 5


def test_another_model_or_a_module_beside_it_is_narrowed():
    state, teacher = ClassState(), Teacher()
    with state.narrowed(LABELS, ForkModel()):
        pass
    model = ForkModel()
    with state.narrowed(LABELS, model, teacher):
        assert len(model.prompt_learner.token_prefix) == len(teacher.text_features) == 4
    assert len(model.prompt_learner.token_prefix) == len(teacher.text_features) == 5
