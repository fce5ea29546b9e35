"""One look at each image in step 2: where the image encoder learns nothing, and never where that is not known."""
import contextlib
import copy
from types import SimpleNamespace

import pytest
import torch
from recordings import make_trainer
from small_clip import small_clip_state
from torch import nn

from trainers.mao.frozen_models import frozen_copy, zero_shot_clip
from trainers.mao.pseudo_labels import PseudoLabeller, host_logits
from trainers.mao.shared_features import CHECKED_STEPS, SharedImageFeatures

NAMES = ["cat", "grand piano", "stethoscope", "ice cream van", "bee"]
STEPS = 5
SMALL = ["TRAINER.COOP.N_CTX", 4, "TRAINER.MAPLE.PROMPT_DEPTH", 2, "TRAINER.PROMPTSRC.PROMPT_DEPTH_TEXT", 2,
         "OPTIM.LR", 0.1, "MAO.STAGE", "new", "DATASET.SUBSAMPLE_CLASSES", "new"]


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("MAO_CACHE", str(tmp_path / "cache"))


def zero_shot(trainer):
    names = ("train_loader_x", "train_loader_u", "val_loader", "test_loader", "num_source_domains", "num_classes",
             "lab2cname")
    manager = SimpleNamespace(dataset=SimpleNamespace(classnames=NAMES, template="a {}."), **dict.fromkeys(names))
    return zero_shot_clip(trainer.cfg, manager)


def trained(folder, monkeypatch, name, shared, labels="base", options=()):
    """Learnable parameters after a few steps of step 2, and how often images were encoded."""
    torch.save(small_clip_state(), folder / "clip.pt")
    torch.manual_seed(0)
    trainer = make_trainer(name, NAMES, folder / "clip.pt", [*SMALL, *options], 32)
    if labels == "clip":
        labeller = zero_shot(trainer)
        trainer._labeller, frozen = PseudoLabeller(labeller.model_inference), [labeller.clip_model,
                                                                               labeller.image_encoder]
    else:
        twin = frozen_copy(trainer.model)
        trainer._labeller, frozen = PseudoLabeller(host_logits(trainer, twin)), [twin]
    if shared:
        trainer._image_features = SharedImageFeatures(trainer.model, frozen)
    kind, calls = type(trainer.model.image_encoder), []
    with monkeypatch.context() as patch:
        forward = kind.forward
        patch.setattr(kind, "forward", lambda self, *args, **kwargs: calls.append(1) or forward(self, *args, **kwargs))
        trainer.batch_idx, trainer.num_batches = 0, 2
        trainer.set_model_mode("train")
        for _ in range(STEPS):
            trainer.forward_backward({"img": torch.randn(4, 3, 32, 32), "label": torch.zeros(4).long(),
                                      "impath": [""] * 4})
    return [p.detach() for p in trainer.model.parameters() if p.requires_grad], len(calls)


@pytest.mark.parametrize("name, labels, options, per_step", [
    ("CoOp_MAO", "base", [], 1), ("CoOp_MAO", "clip", [], 1), ("MaPLe_MAO", "base", [], 2),
    ("PromptSRC_MAO", "base", ["TRAINER.PROMPTSRC.PROMPT_DEPTH_VISION", 2], 3),
    ("PromptSRC_MAO", "base", ["TRAINER.PROMPTSRC.PROMPT_DEPTH_VISION", 0], 2),
    ("CoOp_MAO", "base", ["TRAINER.COOP.PREC", "amp"], 2),  # labels are computed without autocast
])
def test_training_is_the_same_bit_for_bit(tmp_path, monkeypatch, name, labels, options, per_step):
    apart, looks_apart = trained(tmp_path, monkeypatch, name, False, labels, options)
    together, looks = trained(tmp_path, monkeypatch, name, True, labels, options)
    assert all(map(torch.equal, apart, together))
    most = looks_apart // STEPS
    assert looks_apart == STEPS * most and looks == CHECKED_STEPS * most + (STEPS - CHECKED_STEPS) * per_step


class Encoder(nn.Module):
    """A frozen layer; ``mode`` is what a host's encoder might do beside."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 4)
        self.mode = nn.Identity()
        self.requires_grad_(False)

    def forward(self, images, scale=1.0):
        type(self).calls.append(self)
        return self.mode(self.layer(images)) * scale


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.image_encoder = Encoder()
        self.prompt = nn.Parameter(torch.ones(()))

    def forward(self, images):
        return self.image_encoder(images) * self.prompt


class LeavesSomething(nn.Identity):
    def forward(self, features):
        self.seen = features
        return features


class ReadsPrompt(nn.Identity):
    """Under no_grad, as a distillation's teacher may do."""

    prompt: list

    def forward(self, features):
        with torch.no_grad():
            return features * self.prompt[0].detach()


@pytest.fixture
def steps(monkeypatch):
    """Function that goes through steps of a model beside its frozen twin; returns whose encoders ran in each step.

    Each output is compared with what the host's own encoder makes of the images.
    """
    monkeypatch.setattr(Encoder, "calls", [], raising=False)

    def go(model, twin, *, between=lambda step: None, host=lambda model, images: model(images), number=STEPS):
        features, ran = SharedImageFeatures(model, [twin]), []
        for step in range(number):
            images = torch.randn(3, 6)
            torch.manual_seed(step)
            with features.shared():
                with torch.no_grad():
                    twin(images)
                Encoder.calls.clear()
                torch.manual_seed(100 + step)
                found = host(model, images)
            ran.append(len(Encoder.calls))
            torch.manual_seed(100 + step)
            assert torch.equal(found, host(model, images)), step
            between(step)
            with torch.no_grad():
                model.prompt.add_(0.1)
        assert "forward" not in vars(model.image_encoder)
        return ran

    torch.manual_seed(0)
    return go


def pair():
    model = Model()
    return model, frozen_copy(model)


SHARED, APART = [1, 1, 0, 0, 0], [1] * STEPS


def test_features_are_shared_after_they_agreed(steps):
    assert steps(*pair()) == SHARED


def test_a_host_may_change_its_features_in_place(steps):
    def host(model, images):
        first = model.image_encoder(images)
        first /= first.norm(dim=-1, keepdim=True)
        return first + model.image_encoder(images)

    assert steps(*pair(), host=host) == [2, 2, 0, 0, 0]


def test_other_images_are_encoded_by_the_host(steps):
    assert steps(*pair(), host=lambda model, images: model(images + 1)) == APART
    assert steps(*pair(), host=lambda model, images: model.image_encoder(images, scale=2.0)) == APART
    assert steps(*pair(), host=lambda model, images: model.image_encoder(images, scale=model.prompt)) == APART


def test_a_copy_of_the_images_is_the_images(steps):
    assert steps(*pair(), host=lambda model, images: model(images.clone())) == SHARED


def test_replicas_of_a_model_encode_their_own_images():
    model, twin = pair()
    features = SharedImageFeatures(nn.DataParallel(model), [twin])
    with features.shared():
        assert "forward" not in vars(model.image_encoder)


def test_images_that_the_host_changed_in_place_are_other_images(steps):
    model, twin = pair()
    features = SharedImageFeatures(model, [twin])
    for _ in range(4):
        images = torch.randn(3, 6)
        with features.shared():
            twin(images)
            changed = model(images.mul_(2))
        assert torch.equal(changed, model(images))


def listening(encoder):
    encoder.layer.register_forward_hook(lambda *_: None)


def learning(encoder):
    encoder.layer.bias.requires_grad_(True)


def leaving_something(encoder):
    encoder.mode = LeavesSomething()


def at_random(encoder):
    encoder.mode = nn.Dropout(0.5)


def moving(encoder):
    encoder.mode = nn.BatchNorm1d(4).requires_grad_(False)


@pytest.mark.parametrize("change", [listening, learning, leaving_something, at_random, moving])
def test_an_encoder_that_is_not_known_to_be_one_function_runs_itself(steps, change):
    model = Model()
    change(model.image_encoder)
    twin = frozen_copy(model)

    def host(model, images):
        statistics = copy.deepcopy(model.image_encoder.mode.state_dict())
        output = model(images)
        model.image_encoder.mode.load_state_dict(statistics)  # so that the comparison sees the same
        return output

    assert steps(model, twin, host=host) == APART


def test_a_value_that_the_prompts_are_in_is_noticed_once_they_change(steps):
    model = Model()
    model.image_encoder.mode = ReadsPrompt()
    twin = frozen_copy(model)
    model.image_encoder.mode.prompt, twin.image_encoder.mode.prompt = [model.prompt], [twin.prompt]
    assert steps(model, twin) == APART


def test_weights_of_its_own_may_not_change(steps):
    model = Model()
    twin = copy.deepcopy(model)
    assert steps(model, twin) == SHARED

    def between(step):
        if step == 2:
            model.image_encoder.layer.weight.mul_(1.5)

    assert steps(model, twin, between=between) == [1, 1, 0, 1, 1]
    assert steps(model, twin) == APART  # unequal from the start


def test_an_error_in_a_step_leaves_the_encoder_as_it_was():
    model, twin = pair()
    with contextlib.suppress(KeyError), SharedImageFeatures(model, [twin]).shared():
        assert "forward" in vars(model.image_encoder)
        raise KeyError
    assert "forward" not in vars(model.image_encoder) and "forward" not in vars(twin.image_encoder)
