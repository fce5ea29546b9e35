"""Checkpoint files that hold something else than they should: a sentence, soon, and nothing else happens."""
import os
import pickle
import time
import zipfile

import numpy as np
import pytest
import torch
from dassl.utils import load_checkpoint, load_pretrained_weights, resume_from_checkpoint
from linear_model import model_with_training_state
from torch import nn
from toy import toy_trainer

from compat.checkpoint_files import newest_checkpoint
from compat.dassl.engine.train_state import FILE_NAME
from compat.errors import UserError
from compat.tensor_files import read_tensors


def refused(action, *arguments, match=""):
    start = time.process_time()
    with pytest.raises(UserError, match=match or None) as caught:
        action(*arguments)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 800
    assert time.process_time() - start < 60  # milliseconds; what expands without end takes for ever


def expanding(depth, make):
    value = make([1, 1])
    for _ in range(depth):
        value = make([value, value])
    return value


def nested(depth, make):
    value = 1
    for _ in range(depth):
        value = make(value)
    return value


def circle():
    value = []
    value.append(value)
    return value


NO_DICTS = {
    "list": [1, 2], "tensor": torch.ones(2), "number": 3, "text": "abc", "nothing": None, "empty": {},
    "list as state_dict": {"state_dict": [torch.ones(1)]}, "tensor as state_dict": {"state_dict": torch.ones(2)},
    "numbers as names": {"state_dict": {1: torch.ones(2)}}, "text as epoch": {"state_dict": {}, "epoch": "last"},
    "negative epoch": {"state_dict": {}, "epoch": -3}, "half an epoch": {"state_dict": {}, "epoch": 0.5},
    "expanding lists": {"state_dict": {}, "a": expanding(60, list)},
    "expanding dicts": {"state_dict": {}, "a": expanding(60, lambda pair: dict(enumerate(pair)))},
    "expanding tuples": {"state_dict": {}, "a": expanding(60, tuple)},
    "deep": {"state_dict": {}, "a": nested(400, lambda value: [value])},
    "circle": {"state_dict": {}, "a": circle()},
    "tensor larger than the file": {"state_dict": {"a": torch.ones(1).expand(10 ** 6, 10 ** 6)}},
    "sparse": {"state_dict": {"a": torch.eye(3).to_sparse()}},
}


@pytest.mark.parametrize("name", NO_DICTS)
@pytest.mark.parametrize("zipped", [True, False])
def test_what_is_no_checkpoint_is_refused(tmp_path, name, zipped):
    path = tmp_path / "model.pth.tar-1"
    torch.save(NO_DICTS[name], path, _use_new_zipfile_serialization=zipped)
    refused(load_checkpoint, str(path), match=str(path))


ENTRIES = {
    "number": 3.0, "text": "abc", "list": [1.0] * 3, "whole numbers": torch.ones(3, dtype=torch.int64),
    "complex": torch.ones(3, dtype=torch.complex64), "fp8": torch.ones(3).to(torch.float8_e4m3fn),
    "nan": torch.tensor([1, float("nan"), 1]), "infinite": torch.tensor([1, float("inf"), 1]),
    "shape": torch.ones(4), "nothing in it": torch.ones(0), "boolean": torch.ones(3, dtype=torch.bool),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_weights_of_another_kind_are_refused(tmp_path, name):
    path = str(tmp_path / "model.pth.tar-1")
    torch.save({"state_dict": {"weight": torch.ones(3, 4), "bias": ENTRIES[name]}, "epoch": 1}, path)
    (tmp_path / "checkpoint").write_text("model.pth.tar-1\n")
    refused(resume_from_checkpoint, str(tmp_path), nn.Linear(4, 3), match="does not fit the model: bias")
    model = nn.Linear(4, 3)
    before = model.bias.clone()
    if getattr(ENTRIES[name], "shape", None) == (3,):
        refused(load_pretrained_weights, model, path, match="cannot be loaded into the model: bias")
    else:
        load_pretrained_weights(model, path)
    assert torch.equal(model.bias, before)


@pytest.mark.parametrize("value", NO_DICTS.values(), ids=list(NO_DICTS))
def test_initial_weights_of_another_kind_are_refused(tmp_path, value):
    torch.save(value, tmp_path / "weights")
    refused(load_pretrained_weights, nn.Linear(4, 3), str(tmp_path / "weights"))


def test_folders_and_pipes_are_no_checkpoints(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        refused(load_checkpoint, str(path), match="there is no checkpoint")


def test_archives_that_grow_are_not_unpacked(tmp_path):
    path = tmp_path / "model.pth.tar-1"
    torch.save({"a": 1}, path)
    with zipfile.ZipFile(path) as archive:
        entries = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data + b"0" * (2 ** 27 if name.endswith("data.pkl") else 0))
    assert path.stat().st_size < 2 ** 20
    refused(read_tensors, str(path), match="would unpack to 134,")


def pickled_as_checkpoint(path, pickled):
    torch.save({"a": 1}, path)
    with zipfile.ZipFile(path) as archive:
        entries = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, pickled if name.endswith("data.pkl") else data)


def test_keys_that_take_forever_to_hash_are_not_hashed(tmp_path):
    doubled = b"\x80\x02}K\x01" + b"".join(
        b"q" + bytes([k]) + b"h" + bytes([k]) + b"\x86" for k in range(60)) + b"K\x01s."
    deep = b"\x80\x02}K\x01" + b"\x85" * 10 ** 6 + b"K\x01s."  # its hash would overflow the stack
    for pickled in (doubled, deep):
        pickled_as_checkpoint(tmp_path / "model", pickled)
        refused(load_checkpoint, str(tmp_path / "model"), match="cannot read checkpoint")


def test_memory_is_not_taken_for_bytes_that_are_not_there(tmp_path):
    pickled_as_checkpoint(tmp_path / "model", b"\x80\x05\x96" + (2 ** 34).to_bytes(8, "little") + b"abc.")
    refused(load_checkpoint, str(tmp_path / "model"), match="cannot read checkpoint .*KeyError")


def test_a_file_cannot_change_classes(tmp_path):
    harmless = pickle.dumps({"copy_": 3}, 2)[2:-1]
    pickled_as_checkpoint(tmp_path / "model", b"\x80\x02ctorch\nTensor\nN" + harmless + b"\x86b.")
    refused(load_checkpoint, str(tmp_path / "model"), match="refers to attributes of")
    assert callable(torch.Tensor.copy_)


@pytest.mark.parametrize("content", [
    b"\xff\xfe\x00", b"../../x", b"checkpoint\n", b"", b"\n", b"/etc/passwd", b"a\x00b", b"x" * 10 ** 6])
def test_a_marker_that_names_no_file_beside_it_is_refused(tmp_path, content):
    (tmp_path / "checkpoint").write_bytes(content)
    refused(resume_from_checkpoint, str(tmp_path), nn.Linear(1, 1), match="checkpoint")


def test_a_marker_that_is_no_file_counts_as_none(tmp_path):
    os.mkfifo(tmp_path / "checkpoint")
    assert newest_checkpoint(str(tmp_path)) is None
    refused(resume_from_checkpoint, str(tmp_path), nn.Linear(1, 1), match="there is no checkpoint in")


CHANGES = {
    "list as optimizer": lambda saved: saved.update(optimizer=[1]),
    "text as rate": lambda saved: saved["optimizer"]["param_groups"][0].update(lr="high"),
    "momentum of another shape": lambda saved: saved["optimizer"]["state"][0].update(momentum_buffer=torch.ones(7)),
    "text as epoch of the schedule": lambda saved: saved["scheduler"].update(last_epoch="x"),
    "rates of other groups": lambda saved: saved["scheduler"].update(base_lrs=[0.1, 0.2]),
    "no parameters": lambda saved: saved["optimizer"].update(param_groups=[]),
    "no epoch": lambda saved: saved.pop("epoch"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_training_goes_on_only_from_what_fits(tmp_path, change):
    model, optimizer, schedule = model_with_training_state()
    saved = {"state_dict": model.state_dict(), "epoch": 3, "optimizer": optimizer.state_dict(),
             "scheduler": schedule.state_dict()}
    change(saved)
    torch.save(saved, tmp_path / "model.pth.tar-3")
    (tmp_path / "checkpoint").write_text("model.pth.tar-3\n")
    refused(resume_from_checkpoint, str(tmp_path), *model_with_training_state(steps=0), match="does not ")


STATE_CHANGES = {
    "a list": lambda state: [state], "a number": lambda state: 3,
    "text as epoch": lambda state: {**state, "epoch": "x"}, "epoch 99": lambda state: {**state, "epoch": 99},
    "no random states": lambda state: {**state, "random": {}},
    "odd random states": lambda state: {**state, "random": {**state["random"], "python": [1, "a", None]}},
    "odd states of torch": lambda state: {**state, "random": {**state["random"], "torch": torch.ones(3)}},
    "list as models": lambda state: {**state, "models": [1]},
    "number as model": lambda state: {**state, "models": {"toy": 1}},
    "no weights": lambda state: {**state, "models": {"toy": {"state_dict": {}}}},
    "extra entries missing": lambda state: {**state, "extra": {}},
    "another config": lambda state: {**state, "config": {"A": 1}},
}


@pytest.fixture(scope="module")
def stopped_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stopped")
    trainer = toy_trainer(folder, "TEST.NO_TEST", True)
    trainer.end_train_state = lambda: None  # as if it had been killed before
    trainer.train()
    return folder, (folder / "output" / FILE_NAME).read_bytes()


@pytest.mark.parametrize("change", STATE_CHANGES.values(), ids=list(STATE_CHANGES))
def test_a_state_that_was_changed_is_refused(stopped_run, change):
    folder, content = stopped_run
    path = folder / "output" / FILE_NAME
    path.write_bytes(content)
    torch.save(change(read_tensors(str(path))), path)
    refused(toy_trainer(folder, "TEST.NO_TEST", True).train, match=FILE_NAME)


def test_bytes_that_flip_or_miss_give_a_sentence_or_nothing_wrong(tmp_path):
    """A damaged file is refused, or read as it was where the byte means nothing."""
    model, *_ = model_with_training_state()
    path = tmp_path / "model.pth.tar-1"
    torch.save({"state_dict": model.state_dict(), "epoch": 1}, path)
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(100):
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole))] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            loaded = load_checkpoint(str(path))
        except UserError:
            continue
        assert all(torch.equal(value, model.state_dict()[key]) for key, value in loaded["state_dict"].items())
