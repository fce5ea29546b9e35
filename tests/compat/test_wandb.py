"""Curves in Weights & Biases, written offline; and trainings that go on without."""
import json
import struct
import sys

import pytest
from dassl.engine.wandb_writer import WandbWriter
from small_run import call, make_room, words

PAIRS = ["TRAIN.WANDB", "my project", "TRAIN.PRINT_FREQ", 1, "OPTIM.MAX_EPOCH", 2]


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return make_room(tmp_path_factory.mktemp("room"))


def history(path):
    """{key: values} of the numbers in a file of wandb, which is a LevelDB log of protocol buffers in one block."""
    from wandb.proto.wandb_internal_pb2 import Record

    found, content, place = {}, path.read_bytes(), 7
    assert len(content) < 2**15
    while place < len(content):
        size, = struct.unpack_from("<H", content, place + 4)
        for item in Record.FromString(content[place + 7:place + 7 + size]).history.item:
            found.setdefault("/".join(item.nested_key) or item.key, []).append(json.loads(item.value_json))
        place += 7 + size
    return found


def test_a_training_offline(room, monkeypatch):
    pytest.importorskip("wandb", reason="optional (requirements-wandb.txt)")
    monkeypatch.setenv("WANDB_MODE", "offline")
    done = call(words(room, pairs=PAIRS))
    assert done.code == 0 and "nothing goes to wandb" not in done.out
    [path] = room.glob("out/wandb/offline-run-*/*.wandb")
    found = history(path)
    losses = [json.loads(line)["loss"] for line in (room / "out" / "training.jsonl").read_text().splitlines()]
    assert found["step of train/loss"] == [0, 1] and found["train/loss"] == pytest.approx(losses, rel=1e-4)
    record = json.loads((room / "out" / "results.jsonl").read_text())
    assert found["test/accuracy"] == [record["accuracy"]] and found["step of test/accuracy"] == [1]
    assert b"my project" in path.read_bytes()


def test_a_training_without_wandb_goes_on(room, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    done = call(words(room, output="without", pairs=PAIRS))
    assert done.code == 0 and done.out.count("nothing goes to wandb") == 1 and "requirements-wandb.txt" in done.out


def test_a_refusal_of_wandb_does_not_end_the_training(tmp_path, monkeypatch, capsys):
    wandb = pytest.importorskip("wandb", reason="optional (requirements-wandb.txt)")
    for raised in (wandb.errors.UsageError("no key"), OSError("disk"), RuntimeError("broken\npipe")):
        def refuse(*_, raised=raised, **__):
            raise raised

        monkeypatch.setattr(wandb, "init", refuse)
        writer = WandbWriter("project", str(tmp_path), {})
        writer.add("train/loss", 1.0, 0)
        writer.close()
        assert f"nothing goes to wandb from here on ({' '.join(str(raised).split())})" in capsys.readouterr().out
