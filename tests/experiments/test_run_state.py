"""The file ``done`` of an output folder."""
import os

from experiments.run_state import done_key, mark_done


def test_done_holds_the_key_of_the_run_that_was_marked_last_and_nothing_else_is_left(tmp_path):
    assert done_key(tmp_path) is None
    mark_done(tmp_path, "a")
    assert done_key(tmp_path) == "a"
    mark_done(tmp_path, "b")
    assert done_key(tmp_path) == "b"
    assert os.listdir(tmp_path) == ["done"]
