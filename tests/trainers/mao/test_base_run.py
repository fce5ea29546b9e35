"""Step 2 starts from the right checkpoint of step 1, and takes over what it may."""
import json

import pytest
import torch
from dassl.config import get_cfg_default
from small_coop import model_of
from torch import nn

import trainers
from trainers.mao import base_run
from trainers.mao.base_run import _copy_state, check_base_dir, checkpoint_path, write_run_facts
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


def config_of(folder, classes, base="", **changes):
    cfg = get_cfg_default()
    cfg.DATASET.SUBSAMPLE_CLASSES = classes
    trainers.extend_cfg(cfg)
    values = {"TRAINER.NAME": "CoOp_MAO", "DATASET.NAME": "D", "SEED": 1, "OUTPUT_DIR": str(folder),
              "MAO.BASE_DIR": str(base), **changes}
    cfg.merge_from_list([word for pair in values.items() for word in pair])
    return cfg


def in_a_fork(folder, classes="base", finished=True, **changes):
    """Leave what the plug-in leaves where no train.py of its own repository does."""
    write_run_facts(config_of(folder, classes, **changes), finished)


def test_step_two_in_a_fork_takes_the_finished_step_one_and_no_trace_of_another_version(tmp_path, capsys):
    in_a_fork(tmp_path / "base")
    check_base_dir(config_of(tmp_path / "new", "new", tmp_path / "base"), "CoOp")
    assert capsys.readouterr().out == "" and [path.name for path in (tmp_path / "base").iterdir()] == ["run.json"]


@pytest.mark.parametrize("left, words", [
    (dict(finished=False), "not come to its end"), (dict(classes="all"), "classes 'all', step 2 starts from 'base'"),
    (dict(classes="new"), "stage 'new', step 2 starts from 'base'"), ({"SEED": 2}, "seed 2, this run is of 1"),
    ({"DATASET.NUM_SHOTS": 4}, "shots 4"), ({"DATASET.NAME": "E"}, "data.name 'E'"),
    ({"TRAINER.COOP.CLASS_TOKEN_POSITION": "front"}, "CLASS_TOKEN_POSITION 'front'"),
    ({"MODEL.BACKBONE.NAME": "RN50"}, "backbone 'RN50'"), ({"TRAINER.NAME": "MaPLe_MAO"}, "trainer 'MaPLe_MAO'"),
])
def test_step_two_in_a_fork_refuses_another_run(tmp_path, left, words):
    in_a_fork(tmp_path / "base", **left)
    with pytest.raises(MAOError, match=words):
        check_base_dir(config_of(tmp_path / "new", "new", tmp_path / "base"), "CoOp")


def test_the_control_starts_from_a_run_of_the_plain_backbone_and_from_no_other(tmp_path):
    facts = {"identity": "1" * 64, "stage": "", "classes": "base", "trainer": "CoOp", "seed": 1,
             "settings": {"TRAINER.NAME": "CoOp", "TRAINER.COOP.N_CTX": 16}}
    control = config_of(tmp_path / "new", "new", tmp_path, **{"MAO.BASE_RUN": "backbone"})
    for changes, words in (({}, ""), (dict(classes="all"), "classes 'all'"), (dict(seed=2), "seed 2"),
                           (dict(trainer="CoOp_MAO"), "'CoOp_MAO', this run is of 'CoOp'.*matching run of CoOp"),
                           (dict(settings={"TRAINER.COOP.N_CTX": 4}), "N_CTX 4")):
        (tmp_path / "run.json").write_text(json.dumps({**facts, **changes}))
        (tmp_path / "done").write_text("1" * 64)
        if words:
            with pytest.raises(MAOError, match=words):
                check_base_dir(control, "CoOp")
        else:
            check_base_dir(control, "CoOp")
            with pytest.raises(MAOError, match="stage '', step 2 starts from 'base'|trainer 'CoOp'"):
                check_base_dir(config_of(tmp_path / "new", "new", tmp_path), "CoOp")


def test_file_of_train_py_is_left_as_it_is_and_counts_as_finished_with_its_own_digest_in_done(tmp_path):
    facts = {"identity": "1" * 64, "stage": "base", "classes": "base", "trainer": "CoOp_MAO", "clip": "2" * 64}
    (tmp_path / "run.json").write_text(json.dumps(facts))
    in_a_fork(tmp_path)
    assert json.loads((tmp_path / "run.json").read_text()) == facts
    cfg = config_of(tmp_path / "new", "new", tmp_path)
    for key in ("", "3" * 64):
        (tmp_path / "done").write_text(key)
        with pytest.raises(MAOError, match="not come to its end"):
            check_base_dir(cfg, "CoOp")
    (tmp_path / "done").write_text("1" * 64 + "\n")
    check_base_dir(cfg, "CoOp")


@pytest.mark.parametrize("content", ["", "[]", "{", '{"data": 3}', "[" * 10**5])
def test_facts_that_are_damaged_are_named(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(MAOError, match="run.json.*run step 1 again"):
        check_base_dir(config_of(tmp_path / "new", "new", tmp_path), "CoOp")


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


@pytest.mark.parametrize("ctx", [
    3, "abc", [1.0], torch.full((4, 64), float("nan")), torch.full((4, 64), float("inf")),
    torch.ones(4, 64, dtype=torch.int64), torch.ones(4, 64, dtype=torch.complex64)], ids=lambda ctx: type(ctx).__name__)
def test_prompts_that_are_no_finite_numbers_are_refused(ctx):
    with pytest.raises(MAOError, match="prompt_learner.ctx in 'file' is no tensor of finite numbers"):
        _copy_state({"prompt_learner.ctx": ctx}, model_of(), (), "file")


@pytest.mark.parametrize("checkpoint", [[1], 3, {"epoch": 3}, {"state_dict": [1]}])
def test_a_checkpoint_without_weights_is_refused(tmp_path, monkeypatch, folder, checkpoint):
    monkeypatch.setattr(base_run, "check_base_dir", lambda cfg, host: None)
    monkeypatch.setattr(base_run, "load_checkpoint", lambda path: checkpoint)  # as an installed Dassl may return it
    with pytest.raises(MAOError, match="model.pth.tar-10' holds no weights of a model"):
        base_run.load_base_prompts(config_of(tmp_path, "new", folder), "CoOp", {"prompt_learner": model_of()})


@pytest.mark.parametrize("content", [b"\xff\xfe-", b"../../x", b"checkpoint", b"-" + b"9" * 10 ** 6, b""])
def test_an_odd_marker_is_named(folder, content):
    (folder / "prompt_learner" / "checkpoint").write_bytes(content)
    with pytest.raises(MAOError, match="checkpoint|model.pth.tar-9"):
        checkpoint_path(str(folder), "prompt_learner", -1)
