"""Checkpoints of the original Dassl are read without running code from them; other files are refused."""
import json
import os
import pickle
import subprocess
import zipfile
from collections import Counter, defaultdict

import numpy as np
import pytest
import torch
from dassl.utils import load_checkpoint, resume_from_checkpoint
from dassl.utils.checkpoints import save_tensors
from linear_model import model_with_training_state
from paths import GOLDEN_DIR
from torch import nn

from compat.errors import DamagedFileError, MissingFileError


def golden_reduced():
    return sorted(GOLDEN_DIR.glob("checkpoint_*_reduced.pth.tar"))


@pytest.mark.parametrize("path", golden_reduced(), ids=lambda path: path.name)
def test_golden_reduced_checkpoints_load(path):
    keys = json.loads(path.with_name(path.name.replace("_reduced.pth.tar", "_keys.json")).read_text())
    checkpoint = load_checkpoint(str(path))
    assert list(checkpoint) == keys["top_level_keys"] and checkpoint["epoch"] == keys["epoch"]
    assert sorted(checkpoint["state_dict"]) == sorted(keys["learnable_keys"])


def legacy_checkpoint(path, **extra):
    """A file as Dassl 0.6.3 writes it: with schedule and optimizer objects, numpy numbers and other containers."""
    model, optimizer, schedule = model_with_training_state()
    state = {key: value for key, value in schedule.__dict__.items() if key != "optimizer"}
    assert state["successor"].__dict__["optimizer"] is optimizer  # the object drags the optimizer along
    torch.save({"state_dict": model.state_dict(), "epoch": 3, "optimizer": optimizer.state_dict(), "scheduler": state,
                "val_result": np.float64(55.25), "counts": defaultdict(int, a=1), "milestones": Counter([2, 5, 5]),
                **extra}, path)
    return model, optimizer, schedule


@pytest.mark.parametrize("zipped", [True, False])
def test_original_files_are_read_through_the_list(tmp_path, zipped):
    path = tmp_path / "model.pth.tar-3"
    model, optimizer, schedule = legacy_checkpoint(path)
    if not zipped:
        whole = torch.load(path, weights_only=False)
        torch.save(whole, path, _use_new_zipfile_serialization=False)
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path, weights_only=True)
    loaded = load_checkpoint(str(path))
    assert loaded["val_result"] == 55.25 and loaded["counts"] == {"a": 1} and loaded["milestones"] == Counter([2, 5, 5])
    assert torch.equal(loaded["state_dict"]["weight"], model.weight)
    assert loaded["scheduler"]["successor"] == schedule.state_dict()["successor"]

    (tmp_path / "checkpoint").write_text("model.pth.tar-3\n")
    fresh = model_with_training_state(seed=5, steps=0)
    assert resume_from_checkpoint(str(tmp_path), *fresh) == 3
    for parts in ((optimizer, schedule), fresh[1:]):
        parts[0].step(), parts[1].step()
    assert fresh[1].param_groups[0]["lr"] == optimizer.param_groups[0]["lr"]
    save_tensors(loaded["scheduler"], str(tmp_path / "again"))  # what came back is plain


class Malicious:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("function, arguments, name", [
    (os.system, ("touch {}",), "posix.system"),
    (eval, ("open({!r}, 'w')",), "builtins.eval"),
    (getattr, (os, "system"), "builtins.getattr"),
    (torch.load, ("{}",), "torch.serialization.load"),
    (torch.storage._load_from_bytes, (b"",), "torch.storage._load_from_bytes"),
    (np.load, ("{}",), "numpy.load"),
    (subprocess.Popen, ("touch {}",), "subprocess.Popen"),
])
def test_any_other_name_is_refused(tmp_path, function, arguments, name, zipped):
    path, trace = tmp_path / "model.pth.tar-1", tmp_path / "trace"
    arguments = tuple(part.format(str(trace)) if isinstance(part, str) else part for part in arguments)
    if arguments and arguments[0] is os:
        arguments = ("", *arguments[1:])
    torch.save({"state_dict": {}, "epoch": Malicious(function, *arguments)}, path,
               _use_new_zipfile_serialization=zipped)
    with pytest.raises(DamagedFileError) as caught:
        load_checkpoint(str(path))
    said = str(caught.value)
    assert f"{path}' refers to " in said and name.split(".")[-1] in said and "\n" not in said
    assert not trace.exists()


def test_stand_ins_run_nothing(tmp_path):
    """A name below torch.optim is never looked up, whatever it leads to."""
    pickled = b"\x80\x02ctorch.optim.lr_scheduler\nos.system\nX\x05\x00\x00\x00false\x85R."
    path = tmp_path / "model"
    torch.save({"a": 1}, path)
    with zipfile.ZipFile(path) as archive:
        entries = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, pickled if name.endswith("data.pkl") else data)
    with pytest.raises(DamagedFileError, match="refers to torch.optim.lr_scheduler.os.system"):
        load_checkpoint(str(path))


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
def test_damaged_and_foreign_files_are_refused(tmp_path):
    path = tmp_path / "model.pth.tar-1"
    with pytest.raises(MissingFileError, match="there is no checkpoint"):
        load_checkpoint(str(path))
    path.write_bytes(b"no checkpoint")
    with pytest.raises(DamagedFileError, match="cannot read checkpoint"):
        load_checkpoint(str(path))
    legacy_checkpoint(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DamagedFileError, match="cannot read checkpoint"):
        load_checkpoint(str(path))
    torch.jit.save(torch.jit.script(nn.Linear(1, 1)), str(path))
    with pytest.raises(DamagedFileError, match="TorchScript archive"):
        load_checkpoint(str(path))
