"""Which checkpoint a run's folder stands for."""
import pytest

from compat.checkpoint_files import checkpoint_file, newest_checkpoint
from compat.errors import MissingFileError


@pytest.fixture
def folder(tmp_path):
    models = tmp_path / "prompt_learner"
    models.mkdir()
    for name in ("model.pth.tar-5", "model.pth.tar-10", "model-best.pth.tar"):
        (models / name).write_text("")
    (models / "checkpoint").write_text("model.pth.tar-10\n")
    return models


@pytest.mark.parametrize("epoch, name", [
    (None, "model-best.pth.tar"), (-1, "model.pth.tar-10"), (5, "model.pth.tar-5")])
def test_a_number_or_the_best_or_the_newest(tmp_path, folder, epoch, name):
    assert checkpoint_file(str(tmp_path), "prompt_learner", epoch) == str(folder / name)


def test_without_a_best_one_it_is_the_newest(tmp_path, folder):
    (folder / "model-best.pth.tar").unlink()
    assert checkpoint_file(str(tmp_path), "prompt_learner") == str(folder / "model.pth.tar-10")
    assert newest_checkpoint(str(folder)) == str(folder / "model.pth.tar-10")


def test_a_missing_one_is_named_beside_those_that_are_there(tmp_path, folder):
    there = "the folder holds model-best.pth.tar, model.pth.tar-10, model.pth.tar-5"
    with pytest.raises(MissingFileError, match=f"no checkpoint '.*/model.pth.tar-7': {there}"):
        checkpoint_file(str(tmp_path), "prompt_learner", 7)
    (folder / "checkpoint").unlink()
    with pytest.raises(MissingFileError, match="holds no checkpoint: train first"):
        checkpoint_file(str(tmp_path), "prompt_learner", -1)
    with pytest.raises(MissingFileError, match="no checkpoint folder .*other'.: give --model-dir the output folder"):
        checkpoint_file(str(tmp_path), "other")
