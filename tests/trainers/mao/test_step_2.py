"""Step 2 through train.py: what its training starts from, who labels its images, the control on a plain backbone."""
import contextlib
import json

import pytest
import torch
from small_run import call, make_room, refused, words

from trainers.mao import frozen_models, shared_features, trainer
from trainers.mao.frozen_models import RELEASED_TEMPLATE

STILL = ["MAO.NEW.LR", 1e-9]  # so that the prompts stay where training started


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """Finished runs on the base classes: of the plain backbone in ``plain``, of step 1 in ``one``."""
    room = make_room(tmp_path_factory.mktemp("room"))
    for trainer_name, output, rate in (("CoOp", "plain", 0.1), ("CoOp_MAO", "one", 0.2)):
        done = call(words(room, trainer=trainer_name, output=output, pairs=["OPTIM.LR", rate]))
        assert done.code == 0, done
    return room


def step_2(room, output, base, *pairs):
    return words(room, trainer="CoOp_MAO", output=output, pairs=[
        "DATASET.SUBSAMPLE_CLASSES", "new", "MAO.BASE_DIR", room / base, *STILL, *pairs])


def context(room, output):
    return torch.load(room / output / "prompt_learner" / "model.pth.tar-1")["state_dict"]["ctx"]


def run_step_2(room, output, base, *pairs):
    done = call(step_2(room, output, base, *pairs))
    assert done.code == 0, done
    return context(room, output)


def same(one, other):
    return torch.allclose(one, other, atol=1e-6)


def test_features_that_the_labeller_computed_train_the_same_prompts(room, monkeypatch):
    made = []

    class Watched(trainer.SharedImageFeatures):
        def __init__(self, *args):
            super().__init__(*args)
            made.append(self)

    longer = ["MAO.NEW.LR", 0.1, "MAO.NEW.MAX_EPOCH", 5]

    def trained(output):
        assert call(step_2(room, output, "one", *longer)).code == 0
        return torch.load(room / output / "prompt_learner" / "model.pth.tar-5")["state_dict"]["ctx"]

    monkeypatch.setattr(trainer, "SharedImageFeatures", Watched)
    together = trained("together")
    assert made[0]._agreed == shared_features.CHECKED_STEPS and made[0]._possible
    monkeypatch.setattr(Watched, "shared", lambda self: contextlib.nullcontext())
    assert torch.equal(trained("apart"), together) and not same(together, context(room, "one"))


CONTROL = ["MAO.BASE_RUN", "backbone"]


def test_training_starts_from_step_one_from_the_backbone_or_anew(room):
    one, plain = context(room, "one"), context(room, "plain")
    assert not same(one, plain)
    assert same(run_step_2(room, "from_one", "one"), one)
    assert same(run_step_2(room, "from_plain", "plain", *CONTROL), plain)
    fresh = run_step_2(room, "fresh", "one", "MAO.NEW.START", "fresh")
    assert not same(fresh, one) and not same(fresh, plain)
    assert same(fresh, run_step_2(room, "fresh_control", "plain", *CONTROL, "MAO.NEW.START", "fresh"))


def test_labeller_has_the_prompts_of_step_one_where_training_starts_anew(room, monkeypatch):
    made = []
    monkeypatch.setattr(trainer, "frozen_copy", lambda model: made.append(frozen_models.frozen_copy(model)) or made[0])
    fresh = run_step_2(room, "fresh_base", "one", "MAO.NEW.START", "fresh", "MAO.PSEUDO_LABELS", "base")
    assert same(made[0].prompt_learner.ctx, context(room, "one")) and not same(made[0].prompt_learner.ctx, fresh)


@pytest.mark.parametrize("template, used", [("photo", RELEASED_TEMPLATE), ("dataset", None)])
def test_clip_labels_with_the_template_that_is_asked_for(room, monkeypatch, template, used):
    asked = []
    monkeypatch.setattr(trainer, "zero_shot_clip", lambda cfg, manager, template: asked.append(template)
                        or frozen_models.zero_shot_clip(cfg, manager, template))
    run_step_2(room, f"clip_{template}", "one", "MAO.PSEUDO_LABELS", "clip", "MAO.PSEUDO_TEMPLATE", template)
    assert asked == [used]
    record = json.loads((room / f"clip_{template}" / "results.jsonl").read_text().splitlines()[-1])
    assert record["settings"]["MAO.PSEUDO_TEMPLATE"] == template


def test_control_and_step_two_do_not_take_each_other_s_start(room):
    refused(room, step_2(room, "out", "one", *CONTROL), "of trainer 'CoOp_MAO'", "'CoOp'", "matching run of CoOp")
    refused(room, step_2(room, "out", "plain"), "of trainer 'CoOp'", "'CoOp_MAO'", "matching step 1")
    refused(room, step_2(room, "out", "plain", *CONTROL, "TRAINER.COOP.N_CTX", 2), "TRAINER.COOP.N_CTX 4")
    refused(room, step_2(room, "out", "one", "MAO.NEW.START", "fresh", "MAO.DDE_NEW", False), "MAO.NEW.START fresh")
