"""Checkpoint files: layout, plain contents, restoring from them, atomic writing."""
import os
import subprocess
import sys
from collections import OrderedDict

import numpy as np
import pytest
import torch
from dassl.engine import TrainerBase
from dassl.utils import load_checkpoint, load_pretrained_weights, resume_from_checkpoint, save_checkpoint
from dassl.utils.checkpoints import load_model_state, save_tensors
from dassl.utils.plain import to_plain
from linear_model import model_with_training_state
from paths import IMPORT_PATH
from torch import nn

from compat.errors import DamagedFileError, MissingFileError, UserError


def trainer_with(model, optimizer, schedule, name="toy"):
    trainer = TrainerBase()
    trainer.register_model(name, model, optimizer, schedule)
    return trainer


def test_files_have_dassls_layout_and_hold_plain_values(tmp_path):
    model, optimizer, schedule = model_with_training_state()
    trainer = trainer_with(model, optimizer, schedule)
    trainer.save_model(2, str(tmp_path), val_result=np.float64(61.5), is_best=True)
    folder = tmp_path / "toy"
    assert sorted(os.listdir(folder)) == ["checkpoint", "model-best.pth.tar", "model.pth.tar-3"]
    assert (folder / "checkpoint").read_text() == "model.pth.tar-3\n"
    saved = torch.load(folder / "model.pth.tar-3", weights_only=True)
    assert list(saved) == ["state_dict", "epoch", "optimizer", "scheduler", "val_result"]
    assert saved["epoch"] == 3 and saved["val_result"] == 61.5 and type(saved["val_result"]) is float
    assert torch.equal(saved["state_dict"]["weight"], model.weight)

    trainer.save_model(3, str(tmp_path), model_name="model-best.pth.tar")
    assert (folder / "checkpoint").read_text() == "model.pth.tar-3\n"  # names numbered files only
    assert torch.load(folder / "model-best.pth.tar", weights_only=True)["epoch"] == 4


def test_resume_restores_model_optimizer_and_schedule(tmp_path):
    model, optimizer, schedule = model_with_training_state()
    trainer_with(model, optimizer, schedule).save_model(2, str(tmp_path))
    other = trainer_with(*model_with_training_state(seed=9, steps=0))
    assert other.resume_model_if_exist(str(tmp_path / "elsewhere")) == 0
    assert other.resume_model_if_exist(str(tmp_path)) == 3
    assert torch.equal(other._models["toy"].weight, model.weight)
    assert other.get_current_lr() == optimizer.param_groups[0]["lr"]
    momentum = [state["momentum_buffer"] for state in optimizer.state.values()]
    restored = [state["momentum_buffer"] for state in other._optims["toy"].state.values()]
    assert all(torch.equal(a, b) for a, b in zip(momentum, restored)) and len(momentum) == len(restored) == 2
    optimizer.step(), schedule.step(), other._optims["toy"].step(), other._scheds["toy"].step()
    assert other.get_current_lr() == optimizer.param_groups[0]["lr"]


def test_checkpoints_of_several_epochs_are_not_mixed(tmp_path):
    trainer = trainer_with(*model_with_training_state(), name="a")
    trainer.register_model("b", nn.Linear(1, 1))
    trainer.save_model(1, str(tmp_path))
    save_checkpoint({"state_dict": nn.Linear(1, 1).state_dict(), "epoch": 4}, str(tmp_path / "b"))
    with pytest.raises(DamagedFileError, match="of different epochs .2, 4.*delete the later"):
        trainer.resume_model_if_exist(str(tmp_path))


def test_load_model_takes_the_asked_the_best_or_the_newest(tmp_path):
    def load(epoch=None):
        trainer = trainer_with(*model_with_training_state(steps=0))
        assert trainer.loaded_epoch is None
        trainer.load_model(str(tmp_path), epoch)
        loaded.append(trainer.loaded_epoch)
        return trainer._models["toy"].bias[0].item()

    loaded = []
    for epoch, name in ((0, ""), (1, ""), (0, "model-best.pth.tar")):
        model, optimizer, schedule = model_with_training_state()
        with torch.no_grad():
            model.bias.fill_(10 * epoch + bool(name))
        trainer_with(model, optimizer, schedule).save_model(epoch, str(tmp_path), model_name=name)
    assert (load(1), load(2), load()) == (0, 10, 1) and loaded == [1, 2, 1]
    os.remove(tmp_path / "toy" / "model-best.pth.tar")
    assert load() == 10
    with pytest.raises(MissingFileError, match="no checkpoint .*model.pth.tar-7"):
        load(7)
    with pytest.raises(MissingFileError, match="no checkpoint in"):
        trainer_with(*model_with_training_state()).load_model(str(tmp_path / "nowhere"))


def test_the_prefix_of_data_parallel_is_taken_off_and_that_of_a_child_kept():
    """Of DataParallel it is taken off, of a child that is called so it is not."""
    child = nn.Sequential(OrderedDict(module=nn.Linear(2, 2)))
    plain = nn.Linear(2, 2)
    for saved, loaded in ((nn.DataParallel(plain), nn.Linear(2, 2)), (plain, nn.DataParallel(nn.Linear(2, 2))),
                          (child, nn.Sequential(OrderedDict(module=nn.Linear(2, 2))))):
        source, target = trainer_with(saved, None, None), trainer_with(loaded, None, None)
        load_model_state(target._models["toy"], source._checkpoint_of("toy", 0)["state_dict"], "memory")
        assert torch.equal(next(loaded.parameters()), next(saved.parameters()))


def test_files_of_a_wrapped_model_load_into_a_plain_one(tmp_path):
    model = nn.Linear(2, 2)
    state = {"state_dict": nn.DataParallel(model).state_dict(), "epoch": 1}
    save_checkpoint(state, str(tmp_path / "stripped"))
    assert list(load_checkpoint(str(tmp_path / "stripped" / "model.pth.tar-1"))["state_dict"]) == ["weight", "bias"]
    save_checkpoint(state, str(tmp_path / "kept"), remove_module_from_keys=False)
    fresh = nn.Linear(2, 2)
    assert resume_from_checkpoint(str(tmp_path / "kept"), fresh) == 1
    assert torch.equal(fresh.weight, model.weight)


def test_a_checkpoint_that_does_not_fit_is_refused(tmp_path):
    trainer_with(nn.Linear(4, 3), None, None).save_model(0, str(tmp_path))
    with pytest.raises(DamagedFileError, match=r"does not fit the model: weight has shape \(3, 4\), expected \(5, 4\)"):
        trainer_with(nn.Linear(4, 5), None, None).load_model(str(tmp_path))
    with pytest.raises(DamagedFileError, match="optimizer state .* does not fit"):
        model, optimizer, schedule = model_with_training_state()
        trainer_with(model, optimizer, schedule).save_model(1, str(tmp_path))
        other = torch.optim.SGD([nn.Parameter(torch.ones(1))], 0.1)
        resume_from_checkpoint(str(tmp_path / "toy"), nn.Linear(4, 3), other)


def test_pretrained_weights_are_taken_by_name_and_shape(tmp_path, capsys):
    trainer_with(nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4)), None, None).save_model(0, str(tmp_path))
    path = str(tmp_path / "toy" / "model.pth.tar-1")
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 5))
    own = model[1].weight.clone()
    load_pretrained_weights(model, path)
    assert torch.equal(model[0].weight, load_checkpoint(path)["state_dict"]["0.weight"])
    assert torch.equal(model[1].weight, own)
    assert "not loaded, as name or shape differ: 1.weight, 1.bias" in capsys.readouterr().out
    with pytest.raises(DamagedFileError, match="cannot be loaded .*no name and shape are the model's"):
        load_pretrained_weights(nn.Conv2d(1, 1, 1), path)


def test_only_plain_values_are_saved():
    nested = {"a": [np.float32(1.5), (np.int64(2), np.arange(2))], "b": OrderedDict(c=torch.ones(1)), "d": None}
    plain = to_plain(nested)
    assert plain["a"][0] == 1.5 and type(plain["a"][0]) is float and type(plain["a"][1][0]) is int
    assert torch.equal(plain["a"][1][1], torch.arange(2)) and type(plain["b"]) is OrderedDict
    with pytest.raises(TypeError, match=r"the state\['a'\]\[1\] is a Linear"):
        to_plain({"a": [1, nn.Linear(1, 1)]})


# Writing

FULL_DISK = """
import resource, sys, torch
from compat.errors import UserError
from dassl.utils import save_checkpoint
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
try:
    save_checkpoint({"state_dict": {"weight": torch.ones(100000)}, "epoch": 1}, sys.argv[1])
except UserError as error:
    print("SENTENCE", error)
"""


def test_a_full_disk_keeps_the_former_file(tmp_path):
    save_checkpoint({"state_dict": {"weight": torch.zeros(3)}, "epoch": 1}, str(tmp_path))
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(tmp_path)],
                          capture_output=True, text=True, env={**os.environ, "PYTHONPATH": IMPORT_PATH})
    assert done.returncode == 0, done.stderr
    assert f"SENTENCE cannot write '{tmp_path}/model.pth.tar-1' (File too large)" in done.stdout
    assert sorted(os.listdir(tmp_path)) == ["checkpoint", "model.pth.tar-1"]
    assert torch.equal(load_checkpoint(str(tmp_path / "model.pth.tar-1"))["state_dict"]["weight"], torch.zeros(3))


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write .*(Not a directory|File exists)"):
        save_tensors({}, str(tmp_path / "file" / "model"))
