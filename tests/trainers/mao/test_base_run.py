"""Step 2 starts from the right checkpoint of step 1, and takes over what it may."""
import pytest
import torch
from small_coop import model_of
from torch import nn

from trainers.mao.base_run import _copy_state, checkpoint_path
from trainers.mao.errors import MAOError


@pytest.fixture
def folder(tmp_path):
    """Step 1's output with the checkpoints of epochs 2 and 10."""
    models = tmp_path / "prompt_learner"
    models.mkdir()
    for epoch in (2, 10):
        (models / f"model.pth.tar-{epoch}").touch()
    (models / "checkpoint").write_text("model.pth.tar-10\n")
    return tmp_path


def test_the_newest_checkpoint_is_taken_or_the_one_that_is_asked_for(folder):
    models = folder / "prompt_learner"
    assert checkpoint_path(str(folder), "prompt_learner", -1) == str(models / "model.pth.tar-10")
    assert checkpoint_path(str(folder), "prompt_learner", 2) == str(models / "model.pth.tar-2")


def test_the_best_checkpoint_is_taken_where_step_one_kept_it(folder):
    models = folder / "prompt_learner"
    (models / "model-best.pth.tar").touch()
    assert checkpoint_path(str(folder), "prompt_learner", -1) == str(models / "model-best.pth.tar")
    assert checkpoint_path(str(folder), "prompt_learner", 10) == str(models / "model.pth.tar-10")


def test_what_is_not_there_is_named(folder):
    with pytest.raises(MAOError, match="no finished checkpoint of 'MultiModalPromptLearner'"):
        checkpoint_path(str(folder), "MultiModalPromptLearner", -1)
    with pytest.raises(MAOError, match="model.pth.tar-3.*MAO.BASE_EPOCH"):
        checkpoint_path(str(folder), "prompt_learner", 3)
    (folder / "prompt_learner" / "checkpoint").write_text("something")
    with pytest.raises(MAOError, match="names no checkpoint"):
        checkpoint_path(str(folder), "prompt_learner", -1)


class Adapted(nn.Module):
    """Prompts and a layer with running statistics, which are trained, too, without being parameters."""

    def __init__(self):
        super().__init__()
        self.prompt_learner = model_of().prompt_learner
        self.norm = nn.BatchNorm1d(3)
        self.register_buffer("class_bias", torch.zeros(5))


@pytest.mark.parametrize("wrapped", [False, True])
def test_all_but_what_belongs_to_classes_is_taken_over(wrapped):
    model = Adapted()
    of_step_1 = nn.DataParallel(model) if wrapped else model
    state = {name: value + 1 for name, value in of_step_1.state_dict().items()}
    before = {name: value.clone() for name, value in model.state_dict().items()}
    _copy_state(state, model, ("class_bias",), "file")
    kept = {name for name, value in model.state_dict().items() if torch.equal(value, before[name])}
    assert kept == {"prompt_learner.token_prefix", "prompt_learner.token_suffix", "prompt_learner.tokenized_prompts",
                    "class_bias"} & set(before)


def test_prompts_that_do_not_fit_are_refused():
    model = model_of()
    with pytest.raises(MAOError, match="'file' has no entry 'prompt_learner.ctx'"):
        _copy_state({}, model, (), "file")
    with pytest.raises(MAOError, match=r"prompt_learner.ctx has shape \(2, 64\) in 'file' and \(4, 64\) in this run"):
        _copy_state({"prompt_learner.ctx": torch.zeros(2, 64)}, model, (), "file")
