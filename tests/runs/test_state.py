"""What an output folder says of its run: run.json, done, the lock."""
import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from compat.errors import DamagedFileError, UserError
from compat.settings import differences
from runs.identity import Identity, facts_of
from runs.lock import LOCK_FILE, locked
from runs.state import Run, done_key, key_in, mark_done, read_run, write_run

DATA = {"name": "D", "split": "1" * 64, "classes": "2" * 64}
IDENTITY = Identity("T", 1, 16, "base", "", "train", None, DATA, "3" * 64,
                    {}, "", "", 1, {"OPTIM.LR": 0.1, "INPUT.SIZE": [32, 32], "MODEL.BACKBONE.NAME": "/a/clip.pt"})
OTHERS = [dict(trainer="U"), dict(seed=2), dict(shots=4), dict(classes="new"), dict(stage="new"), dict(task="test"),
          dict(epoch=3), dict(data={**DATA, "split": "4" * 64}), dict(clip="5" * 64), dict(parent="6" * 64),
          dict(arithmetic=2), dict(settings={**IDENTITY.settings, "OPTIM.LR": 0.2}), dict(checkpoints="7" * 64),
          dict(files={"MAO.SIMILARITY": "8" * 64})]


def test_done_holds_the_key_of_the_run_that_was_marked_last_and_nothing_else_is_left(tmp_path):
    assert done_key(tmp_path) is None
    mark_done(tmp_path, "a")
    assert done_key(tmp_path) == "a"
    mark_done(tmp_path, "b")
    assert done_key(tmp_path) == "b"
    assert os.listdir(tmp_path) == ["done"]


def test_run_is_read_as_it_was_written(tmp_path):
    run = Run(IDENTITY, "unverified", "my own")
    assert read_run(tmp_path) is None and key_in(tmp_path) is None
    write_run(tmp_path, run)
    assert read_run(tmp_path) == run and key_in(tmp_path) == IDENTITY.digest


@pytest.mark.parametrize("change", OTHERS, ids=lambda change: next(iter(change)))
def test_each_part_of_an_identity_tells_runs_apart(change):
    other = replace(IDENTITY, **change)
    assert other.digest != IDENTITY.digest and differences(facts_of(IDENTITY), facts_of(other))


def test_weights_count_by_their_contents():
    moved = replace(IDENTITY, settings={**IDENTITY.settings, "MODEL.BACKBONE.NAME": "/b/same.pt"})
    assert moved.digest == IDENTITY.digest


@pytest.mark.parametrize("content", [
    "", "{", "[]", "3", '{"identity": 1}', "\udcff", "[" * 10**5,
    json.dumps({"identity": "0" * 64, "origin": "verified", "label": "", **vars(IDENTITY)}),
    json.dumps({"identity": IDENTITY.digest, "origin": "verified", "label": "", **{**vars(IDENTITY), "seed": 2}}),
    json.dumps({"identity": IDENTITY.digest, "origin": "verified", "label": "", **vars(IDENTITY), "data": 3})])
def test_file_that_is_not_what_was_written_is_refused(tmp_path, content):
    (tmp_path / "run.json").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(DamagedFileError, match="does not say which run it is of"):
        read_run(tmp_path)
    assert key_in(tmp_path) == "unverified"


def test_file_of_a_drop_in_says_nothing_of_a_run_of_train_py(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps({"trainer": "CoOp_MAO", "finished": True}))
    assert read_run(tmp_path) is None


# The lock

HOLD = """
import os, sys, time
from runs.lock import locked
with locked(sys.argv[1]):
    if os.fork() == 0:
        time.sleep(60)
    print(os.getpid(), flush=True)
    time.sleep(60)
"""


def test_lock_keeps_others_out_until_its_process_has_died_even_if_a_child_of_it_lives(repository, tmp_path):
    folder = str(tmp_path / "a" / "b")
    with subprocess.Popen([sys.executable, "-c", HOLD, folder], cwd=repository, stdout=subprocess.PIPE, text=True,
                          start_new_session=True) as process:
        try:
            assert process.stdout.readline() == f"{process.pid}\n"
            with pytest.raises(UserError, match=f"in use by process {process.pid} on "), locked(folder):
                pass
            process.kill()
            process.wait()
            with locked(folder) as made:
                assert made == []
        finally:
            os.killpg(process.pid, 9)


def test_folders_that_were_made_are_named_outermost_first(tmp_path):
    with locked(str(tmp_path / "a" / "b")) as made:
        assert made == [str(tmp_path / "a"), str(tmp_path / "a" / "b")] and (tmp_path / "a" / "b" / LOCK_FILE).exists()


@pytest.mark.parametrize("path", ["file", "file/below", "loop", "x" * 300, "broken", "nul\0"])
def test_folder_that_cannot_be_is_a_sentence(tmp_path, path):
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "broken").symlink_to("absent")
    with pytest.raises(UserError, match="cannot be used"), locked(str(tmp_path / path)):
        pass
    assert {file.name for file in tmp_path.iterdir()} == {"file", "loop", "broken"}
