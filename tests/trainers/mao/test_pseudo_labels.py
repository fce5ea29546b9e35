"""Pseudo-labels are those of the frozen model, in each step anew or once."""
import gc
import weakref

import torch
from small_coop import model_of

from trainers.mao.frozen_models import frozen_copy
from trainers.mao.pseudo_labels import PseudoLabeller


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


def test_labels_that_were_made_once_are_looked_up():
    labeller = PseudoLabeller(lambda images: torch.eye(3)[images[:, 0, 0, 0].long()])
    plain = [{"img": torch.full((3, 2, 2), float(label)), "impath": path} for label, path in enumerate("abc")]
    augmented = torch.zeros(2, 3, 2, 2)
    assert labeller.of_batch(augmented, ["c", "b"]).tolist() == [0, 0]
    labeller.label_once(plain, torch.device("cpu"))
    assert labeller.of_batch(augmented, ["c", "b"]).tolist() == [2, 1]


def test_a_model_whose_labels_were_all_made_is_let_go():
    frozen = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 3))
    labeller, alive = PseudoLabeller(frozen), weakref.ref(frozen)
    labeller.label_once([{"img": torch.ones(3, 2, 2), "impath": "a"}], torch.device("cpu"))
    del frozen
    gc.collect()
    assert alive() is None and labeller.of_batch(torch.zeros(1, 3, 2, 2), ["a"]).shape == (1,)
