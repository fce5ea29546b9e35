"""Random wrong values for random config keys, flags and yaml files: a run is true, or is refused and leaves nothing.

FUZZ_EXAMPLES in the environment: how many to draw of each kind (120). They are the same at each call.
"""
import json
import os
import shutil

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_run import call, make_room, words

from compat.settings import flat_config
from train import make_config, parse_arguments

EXAMPLES = settings(max_examples=int(os.environ.get("FUZZ_EXAMPLES", 120)), derandomize=True, database=None,
                    deadline=None, suppress_health_check=list(HealthCheck))
ODD = [-1, 0, 1, 3, 2**31, 2**70, -2**70, 0.5, -0.5, 1e-320, 1e308, "nan", "inf", "1e999", None, True, False, "", " ",
       "foo", "../x", "/", "/dev/null", "~", "x" * 300, "a\0b", "\udcff", "\n", "{}", "()", "[]", "(1,)", "(0, 0, 0)",
       "(1, 1, 1)", "(0.5, 0.1)", "[[1]]", "('a', 'b')", "(" * 300, "9" * 5000, "__class__", "--seed", "{'LR': 1}",
       "base", "new", "all", "val", "best_val", "sgd", "cosine", "linear", "clip", "minilm", "amp", "SEED", "1 1"]
SLOW = {"OPTIM.MAX_EPOCH", "MAO.NEW.MAX_EPOCH", "DATALOADER.NUM_WORKERS"}  # where a number may be right, but is large
KEYS = sorted(set(flat_config(make_config(parse_arguments([])))) - {"OUTPUT_DIR", *SLOW})
FLAGS = ["--root", "--resume", "--seed", "--source-domains", "--target-domains", "--transforms", "--config-file",
         "--dataset-config-file", "--trainer", "--backbone", "--head", "--model-dir", "--load-epoch"]
TRAINERS = st.sampled_from(["CoOp", "CoOp_MAO", "MaPLe", "ZeroshotCLIP"])
VALUES = st.sampled_from(ODD) | st.integers() | st.floats() | st.text(max_size=8)


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return make_room(tmp_path_factory.mktemp("room"))


@pytest.fixture(autouse=True)
def here(room, monkeypatch):
    monkeypatch.chdir(room)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def files(room):
    """All but what is cached with the images, for the next run."""
    return sorted(path for path in room.rglob("*") if not path.is_relative_to(room / "images"))


def holds(room, argv):
    """Assert that a command line gives one of the two outcomes."""
    shutil.rmtree(room / "out", ignore_errors=True)
    before = files(room)
    try:
        done = call(argv)
    except SystemExit as end:  # --help
        assert not end.code
        return
    if done.code == 0:
        cfg = make_config(parse_arguments(argv))
        if "--no-train" in argv or cfg.TEST.NO_TEST:
            return
        (line,) = (room / "out" / "results.jsonl").read_text().splitlines()
        record = json.loads(line)
        assert record["accuracy"] == 100 * record["correct"] / record["total"]
        assert record["epoch"] == (0 if cfg.TRAINER.NAME.startswith("Zeroshot") else cfg.OPTIM.MAX_EPOCH)
        assert (record["seed"], record["trainer"], record["classes"]) == (
            cfg.SEED, cfg.TRAINER.NAME, cfg.DATASET.SUBSAMPLE_CLASSES)
        shutil.rmtree(room / "out")
    else:
        assert done.code == 2 and len(done.sentences) == 1, done
        if "finite" in done.sentences[0] or "not a number" in done.sentences[0]:  # the last good state is kept
            shutil.rmtree(room / "out", ignore_errors=True)
    assert files(room) == before, done.sentences


@EXAMPLES
@given(TRAINERS, st.lists(st.tuples(st.sampled_from(KEYS), VALUES), min_size=1, max_size=2))
def test_values_of_config_keys(room, trainer, pairs):
    holds(room, words(room, trainer=trainer, pairs=[word for pair in pairs for word in pair]))


@EXAMPLES
@given(TRAINERS, st.lists(st.tuples(st.sampled_from(FLAGS), VALUES) | st.tuples(st.sampled_from([
    "--eval-only", "--no-train", "--help", "--debugger", "", "x", "OPTIM.LR", "A.B"])), min_size=1, max_size=3))
def test_flags(room, trainer, flags):
    holds(room, words(room, *(str(word) for flag in flags for word in flag), trainer=trainer))


@EXAMPLES
@given(st.lists(st.tuples(st.sampled_from([*KEYS, "OPTIM", "X"]), VALUES), min_size=1, max_size=3),
       st.binary(max_size=3), st.integers(0, 10**4))
def test_yaml_files(room, pairs, junk, place):
    """The room's yaml with odd values, and some junk somewhere in it."""
    content = yaml.safe_load((room / "small.yaml").read_text())
    for key, value in pairs:
        *groups, name = key.split(".")
        node = content
        for group in groups:
            node = node.setdefault(group, {})
            if not isinstance(node, dict):
                return
        node[name] = value
    text = yaml.dump(content).encode()
    place = min(place, len(text))
    (room / "odd.yaml").write_bytes(text[:place] + junk + text[place:])
    holds(room, words(room, config="odd.yaml"))
