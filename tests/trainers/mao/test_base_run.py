"""Which checkpoint of step 1 step 2 starts from."""
import pytest

from trainers.mao.base_run import _checkpoint
from trainers.mao.errors import MAOError


@pytest.fixture
def folder(tmp_path):
    """Step 1's output with the checkpoints of epochs 2 and 10."""
    models = tmp_path / "prompt_learner"
    models.mkdir()
    for epoch in (2, 10):
        (models / "model.pth.tar-{}".format(epoch)).touch()
    (models / "checkpoint").write_text("model.pth.tar-10\n")
    return tmp_path


def test_the_newest_or_the_one_asked_for(folder):
    models = folder / "prompt_learner"
    assert _checkpoint(str(folder), "prompt_learner", -1) == (str(models / "model.pth.tar-10"), 10)
    assert _checkpoint(str(folder), "prompt_learner", 2) == (str(models / "model.pth.tar-2"), 2)


def test_the_best_one_where_step_one_kept_it(folder):
    best = folder / "prompt_learner" / "model-best.pth.tar"
    best.touch()
    assert _checkpoint(str(folder), "prompt_learner", -1) == (str(best), None)
    assert _checkpoint(str(folder), "prompt_learner", 10)[1] == 10


def test_what_is_not_there_is_named(folder):
    with pytest.raises(MAOError, match="no finished checkpoint of 'MultiModalPromptLearner'"):
        _checkpoint(str(folder), "MultiModalPromptLearner", -1)
    with pytest.raises(MAOError, match="model.pth.tar-3.*MAO.BASE_EPOCH"):
        _checkpoint(str(folder), "prompt_learner", 3)
    (folder / "prompt_learner" / "checkpoint").write_text("something")
    with pytest.raises(MAOError, match="names no checkpoint"):
        _checkpoint(str(folder), "prompt_learner", -1)
