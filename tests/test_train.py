"""The command line, end to end: both steps on the bundled data, stopping and going on, and every kind of bad input.

A run that is killed or fails in a worker process is a process of its own, as a user starts it. The others run in this
process, where start-up is paid once.
"""
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from log_script import SIGNALS, TEST_SIGNAL, last_numbers
from paths import REPOSITORY
from small_clip import small_clip_state

import train
from runs.state import mark_done, read_run, write_run

VOLATILE = ("date", "seconds", "peak_memory_mb")  # what may differ between two records of the same evaluation


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """A folder with a small random CLIP and its yaml; data sets are unpacked into it."""
    folder = tmp_path_factory.mktemp("room")
    torch.save(small_clip_state(), folder / "clip.pt")
    torch.save(small_clip_state(transformer_width=128, transformer_heads=2), folder / "wide.pt")
    np.save(folder / "similarity.npy", np.random.default_rng(0).random((56, 56), dtype=np.float32))
    (folder / "small.yaml").write_text(f"""
DATALOADER: {{TRAIN_X: {{BATCH_SIZE: 4}}, TEST: {{BATCH_SIZE: 100}}, NUM_WORKERS: 1}}
INPUT: {{SIZE: "(32, 32)", INTERPOLATION: bicubic, TRANSFORMS: [random_resized_crop, random_flip, normalize]}}
MODEL: {{BACKBONE: {{NAME: "{folder}/clip.pt"}}}}
OPTIM: {{NAME: sgd, LR: 0.0035, MAX_EPOCH: 3, LR_SCHEDULER: cosine, WARMUP_EPOCH: 1, WARMUP_TYPE: constant}}
TRAIN: {{PRINT_FREQ: 2}}
TRAINER: {{COOP: {{N_CTX: 4, PREC: fp32}}}}
DATASET: {{NUM_SHOTS: 1}}
MAO: {{SIMILARITY: "{folder}/similarity.npy"}}
""")
    return folder


def arguments(room, output, trainer="CoOp_MAO", classes="base", seed=1, extra=(), flags=()):
    return ["--root", str(room / "data"), "--seed", str(seed), "--trainer", trainer, "--output-dir", str(output),
            "--dataset-config-file", str(REPOSITORY / "configs/datasets/pictograms.yaml"),
            "--config-file", str(room / "small.yaml"), *flags, "DATASET.SUBSAMPLE_CLASSES", classes, *map(str, extra)]


def command(args):
    return [sys.executable, str(REPOSITORY / "train.py"), *args]


ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "DASSL_ENGINE": "bundled", "HF_HUB_OFFLINE": "1"}


def run(args, environment=ENVIRONMENT):
    return subprocess.run(command(args), capture_output=True, text=True, env=environment, timeout=300)


@pytest.fixture
def run_here(capsys, monkeypatch):
    """``run`` in this process."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)

    def run_here(args):
        code = train.main(args)
        streams = capsys.readouterr()
        return SimpleNamespace(returncode=code, stdout=streams.out, stderr=streams.err)

    yield run_here
    torch.set_num_threads(threads)


def succeeded(done):
    """Output of a run, which has to have ended well."""
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def refused(done, *words):
    """Assert exit code 2 and one sentence on stderr that has the given words."""
    assert done.returncode == 2, done.stderr[-3000:]
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1 and "Traceback" not in done.stderr, done.stderr
    for word in words:
        assert word in lines[0], lines[0]


def records(folder):
    lines = (Path(folder) / "results.jsonl").read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if key not in VOLATILE} for line in lines]


def prompts(folder):
    (path,) = (Path(folder) / "prompt_learner").glob("model.pth.tar-*")
    return torch.load(path, weights_only=True)["state_dict"]["ctx"]


@pytest.fixture(scope="module")
def steps(room):
    """Both steps of CoOp_MAO, run without a stop: {"base": folder, "new": folder}."""
    return both_steps(room, "CoOp_MAO")


def both_steps(room, trainer, extra=(), environment=ENVIRONMENT):
    folders = {step: room / "whole" / trainer / step for step in ("base", "new")}
    for step, folder in folders.items():
        base = ["MAO.BASE_DIR", folders["base"]] if step == "new" else []
        succeeded(run(arguments(room, folder, trainer=trainer, classes=step, extra=[*base, *extra]), environment))
    return folders


@pytest.fixture(scope="module")
def base_on_new(room, steps):
    """Folder of the test of step 1's prompts on the new classes, and what it printed."""
    flags = ["--eval-only", "--model-dir", str(steps["base"])]
    folder = room / "whole" / "base_on_new"
    done = run(arguments(room, folder, classes="new", flags=flags, extra=["MAO.STAGE", "base"]))
    return folder, succeeded(done)


def test_both_steps_leave_records_checkpoints_and_done(steps):
    for name, folder in steps.items():
        (record,) = records(folder)
        assert (record["classes"], record["stage"], record["epoch"]) == (name, name, 3)
        assert record["correct"] <= record["total"] and record["accuracy"] == 100 * record["correct"] / record["total"]
        assert (folder / "done").is_file() and not (folder / "train_state.pth.tar").exists()
        assert list((folder / "tensorboard").iterdir())
        assert "MAO step" in (folder / "log.txt").read_text()
    assert not torch.equal(prompts(steps["base"]), prompts(steps["new"]))


def kill_in(args, line, environment=ENVIRONMENT):
    """Start a run and kill it as soon as it prints a line that starts so."""
    process = subprocess.Popen(command(args), stdout=subprocess.PIPE, text=True, env=environment)
    for printed in process.stdout:
        if printed.startswith(line):
            process.send_signal(signal.SIGKILL)
            break
    process.wait(timeout=60)
    assert process.returncode == -signal.SIGKILL


def test_scripts_of_the_family_read_from_the_logs_what_is_recorded(steps, base_on_new):
    tested, _ = base_on_new
    for folder, signals in ((steps["base"], SIGNALS), (steps["new"], SIGNALS), (tested, [TEST_SIGNAL])):
        for line in signals:
            assert last_numbers(folder / "log.txt", line) == pytest.approx(records(folder)[-1]["accuracy"], abs=0.005)
    assert last_numbers(tested / "log.txt", SIGNALS[0]) is None


@pytest.mark.parametrize("step", ["base", "new"])
def test_killed_run_goes_on_to_the_same_end(room, steps, step, tmp_path):
    args = arguments(room, tmp_path / "run", classes=step,
                     extra=["MAO.BASE_DIR", steps["base"]] if step == "new" else [])
    kill_in(args, "epoch [2/3] batch [4/")  # in the middle of the second epoch
    assert (tmp_path / "run" / "train_state.pth.tar").is_file() and not (tmp_path / "run" / "done").exists()
    output = succeeded(run(args))
    assert "resuming from epoch 1 of 3" in output and "epoch [1/3]" not in output
    assert torch.equal(prompts(tmp_path / "run"), prompts(steps[step]))
    assert records(tmp_path / "run") == records(steps[step])
    assert (tmp_path / "run" / "done").is_file()


def test_finished_run_is_not_run_again_and_another_config_is_refused(room, steps, run_here):
    started = time.time()
    assert "is done already" in succeeded(run_here(arguments(room, steps["base"])))
    assert (steps["base"] / "done").stat().st_mtime < started
    refused(run_here(arguments(room, steps["base"], extra=["OPTIM.LR", 0.1])), "another configuration",
            "another folder")


def test_step_one_prompts_are_tested_on_new_classes_without_preparing_a_step(base_on_new):
    folder, output = base_on_new
    assert "MAO step" not in output  # no similarities, no pseudo-labels
    (record,) = records(folder)
    assert (record["classes"], record["stage"], record["epoch"], record["num_classes"]) == ("new", "base", 3, 55)


@pytest.mark.parametrize("extra", [
    ["MAO.PSEUDO_LABELS", "clip"], ["MAO.PSEUDO_VIEW", "test"], ["MAO.REG_NEW", "False"],
    ["MAO.PSEUDO_LABELS", "clip", "MAO.REG_NEW", "False", "MAO.PSEUDO_VIEW", "test"]])
def test_variants_of_step_two_train_the_prompts(room, steps, extra, tmp_path, run_here):
    extra = ["MAO.BASE_DIR", steps["base"], "OPTIM.MAX_EPOCH", 2, *extra]
    succeeded(run_here(arguments(room, tmp_path / "new", classes="new", extra=extra)))
    (record,) = records(tmp_path / "new")
    assert record["num_classes"] == 55 and record["total"] == records(steps["new"])[0]["total"]
    assert not torch.equal(prompts(tmp_path / "new"), prompts(steps["base"]))


def test_step_two_without_dde_keeps_the_prompts(room, steps, base_on_new, tmp_path, run_here):
    extra = ["MAO.BASE_DIR", steps["base"], "MAO.DDE_NEW", "False"]
    output = succeeded(run_here(arguments(room, tmp_path / "new", classes="new", extra=extra)))
    assert "prompts of step 1 are kept" in output
    assert torch.equal(prompts(tmp_path / "new"), prompts(steps["base"]))
    assert records(tmp_path / "new")[0]["correct"] == records(base_on_new[0])[0]["correct"]


@pytest.mark.parametrize("extra", [
    ["MAO.SIMILARITY", "minilm"], ["MAO.SIMILARITY", "clip"], ["MAO.POOL", "fewshot"], ["MAO.DDE_BASE", "False"],
    ["MAO.REG_BASE", "False"]])
def test_variants_of_step_one_train_the_prompts(room, steps, extra, tmp_path, run_here):
    start = run if "minilm" in extra else run_here  # the sentence encoder is a heavy import, with the hub switched off
    output = succeeded(start(arguments(room, tmp_path / "base", extra=["OPTIM.MAX_EPOCH", 2, *extra])))
    assert ("hard negatives" in output or "pool of" in output) == ("MAO.DDE_BASE" not in extra)
    assert not torch.equal(prompts(tmp_path / "base"), prompts(steps["base"]))


@pytest.mark.parametrize("trainer", ["ZeroshotCLIP", "ZeroshotCLIP2"])
def test_zero_shot_needs_no_training(room, trainer, tmp_path, run_here):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "done.12.0f0f0f0f.tmp").touch()  # of a test that was killed while it wrote its last file
    succeeded(run_here(arguments(room, tmp_path / "out", trainer=trainer, classes="new")))
    (record,) = records(tmp_path / "out")
    assert record["epoch"] == 0 and record["num_classes"] == 55
    assert not list((tmp_path / "out").glob("*.tmp"))


DEEP = ["TRAINER.MAPLE.PREC", "fp32", "TRAINER.MAPLE.PROMPT_DEPTH", 2, "TRAINER.PROMPTSRC.PREC", "fp32",
        "TRAINER.PROMPTSRC.PROMPT_DEPTH_TEXT", 2, "TRAINER.PROMPTSRC.PROMPT_DEPTH_VISION", 2,
        "TRAINER.PROMPTSRC.GPA_MEAN", 2]


@pytest.fixture(scope="module")
def deep_steps(room):
    """Both steps of the backbones with deep prompts: {trainer: {"base": folder, "new": folder}}."""
    environment = {**ENVIRONMENT, "MAO_CACHE": str(room / "cache")}
    return {trainer: both_steps(room, trainer, DEEP, environment) for trainer in ("MaPLe_MAO", "PromptSRC_MAO")}


@pytest.mark.parametrize("trainer", ["MaPLe_MAO", "PromptSRC_MAO"])
def test_both_steps_of_the_other_backbones_run_to_their_end(deep_steps, trainer):
    for stage, folder in deep_steps[trainer].items():
        (record,) = records(folder)
        assert (record["trainer"], record["stage"]) == (trainer, stage) and (folder / "done").is_file()


def test_killed_promptsrc_averages_over_all_epochs(room, deep_steps, tmp_path):
    environment = {**ENVIRONMENT, "MAO_CACHE": str(room / "cache")}
    args = arguments(room, tmp_path / "killed", trainer="PromptSRC_MAO", extra=DEEP)
    kill_in(args, "epoch [3/3] batch [2/", environment)
    assert "resuming from epoch 2 of 3" in succeeded(run(args, environment))
    whole, killed = (torch.load(run / "VLPromptLearner" / "model.pth.tar-3", weights_only=True)["state_dict"]
                     for run in (deep_steps["PromptSRC_MAO"]["base"], tmp_path / "killed"))
    assert whole.keys() == killed.keys() and all(torch.equal(whole[key], killed[key]) for key in whole)


# Which run it is

def words_of_test(room, output, model, trainer="CoOp_MAO", classes="new", extra=("MAO.STAGE", "base"), flags=(),
                  **changes):
    return arguments(room, output, trainer, classes, extra=extra, flags=["--eval-only", "--model-dir", model, *flags],
                     **changes)


@pytest.fixture(scope="module")
def on_all(room):
    """Folder of a step 1 on all classes."""
    succeeded(run(arguments(room, room / "whole" / "all", classes="all",
                            extra=["OPTIM.MAX_EPOCH", 1, "MAO.DDE_BASE", "False"])))
    return room / "whole" / "all"


def test_records_say_which_run_they_are_of(steps, base_on_new):
    (base,), (new,), (test,) = (records(folder) for folder in (steps["base"], steps["new"], base_on_new[0]))
    facts = json.loads((steps["base"] / "run.json").read_text())
    for key in ("identity", "origin", "label", "data", "clip", "arithmetic", "settings"):
        assert base[key] == facts[key]
    assert base["parent"] == "" and new["parent"] == test["parent"] == base["identity"]
    assert len({record["identity"] for record in (base, new, test)}) == 3
    assert {(record["origin"], record["label"]) for record in (base, new, test)} == {("verified", "Pictograms")}


@pytest.mark.parametrize("claim, words", [
    (dict(seed=2), ["seed 1, not 2"]),
    (dict(extra=["MAO.STAGE", "base", "DATASET.NUM_SHOTS", 2]), ["shots 1, not 2"]),
    (dict(trainer="CoOp", extra=[]), ["trainer 'CoOp_MAO', not 'CoOp'"]),
    (dict(extra=[]), ["stage 'base', not 'new'"]),
    (dict(extra=["MAO.STAGE", "base", "TRAINER.COOP.CLASS_TOKEN_POSITION", "front"]), ["'end', not 'front'"]),
    (dict(extra=["MAO.STAGE", "base", "MODEL.BACKBONE.NAME", "wide.pt"]), ["clip "]),
    (dict(classes="all"), ["trained on base classes", "base or new"]),
    (dict(flags=["--load-epoch", "9"]), ["model.pth.tar-9"]),
    (dict(model="new"), ["stage 'new', not 'base'"]),
    (dict(model="all"), ["trained on all classes", "accuracy on new"]),
    (dict(model="all", classes="base"), ["trained on all classes", "accuracy on base"]),
    (dict(model="test"), ["folder of a test"]),
    (dict(model="killed"), ["not come to its end", "--load-epoch"]),
    (dict(model="edited"), ["run.json", "changed"]),
])
def test_claims_that_differ_from_the_tested_run_are_refused(room, steps, on_all, base_on_new, tmp_path, run_here, claim,
                                                            words):
    models = {**steps, "all": on_all, "test": base_on_new[0]}
    claim = {"model": "base", **claim}
    if claim["model"] not in models:
        models[claim["model"]] = tmp_path / "copy"
        shutil.copytree(steps["base"], tmp_path / "copy", ignore=shutil.ignore_patterns("done"))
    if claim["model"] == "edited":
        path = tmp_path / "copy" / "run.json"
        path.write_text(path.read_text().replace('"seed": 1', '"seed": 2'))
    extra = [room / value if value == "wide.pt" else value for value in claim.pop("extra", ["MAO.STAGE", "base"])]
    claim["model"] = str(models[claim["model"]])
    refused(run_here(words_of_test(room, tmp_path / "out", **claim, extra=extra)), *words)
    assert not (tmp_path / "out").exists()


def test_what_the_tested_run_was_trained_with_stands(room, steps, tmp_path, run_here):
    extra = ["MAO.STAGE", "base", "OPTIM.MAX_EPOCH", 77, "MAO.TOPK", 3, "DATALOADER.TEST.BATCH_SIZE", 50]
    succeeded(run_here(words_of_test(room, tmp_path / "out", str(steps["base"]), extra=extra)))
    (record,) = records(tmp_path / "out")
    of_training = records(steps["base"])[0]["settings"]
    assert {key for key, value in record["settings"].items() if of_training[key] != value} == {
        "DATALOADER.TEST.BATCH_SIZE", "DATASET.SUBSAMPLE_CLASSES"}


def test_model_of_an_unknown_run_is_tested_as_claimed_and_marked(room, steps, tmp_path, run_here):
    shutil.copytree(steps["base"] / "prompt_learner", tmp_path / "model" / "prompt_learner")
    args = words_of_test(room, tmp_path / "out", str(tmp_path / "model"), seed=2)
    assert "unverified" in succeeded(run_here(args))
    (record,) = records(tmp_path / "out")
    assert (record["seed"], record["origin"], record["parent"]) == (2, "unverified", "unverified")
    assert "is done already" in succeeded(run_here(args))
    shutil.copy(steps["new"] / "prompt_learner" / "model.pth.tar-3", tmp_path / "model" / "prompt_learner")
    assert "is done already" not in succeeded(run_here(args))  # other checkpoints are another run


def test_test_in_the_folder_of_a_stopped_training_leaves_its_state(room, steps, tmp_path, run_here):
    args = arguments(room, tmp_path / "run")
    kill_in(args, "epoch [2/3] batch [4/")
    succeeded(run_here(words_of_test(room, tmp_path / "run", str(steps["base"]))))
    assert (tmp_path / "run" / "train_state.pth.tar").is_file() and not (tmp_path / "run" / "done").exists()
    assert "resuming from epoch 1 of 3" in succeeded(run_here(args))


def test_other_data_are_another_run(room, steps, tmp_path, run_here):
    shutil.copytree(room / "data", tmp_path / "data")
    args = arguments(room, steps["base"])
    args[1] = str(tmp_path / "data")
    assert "is done already" in succeeded(run_here(args))  # the same data in another place
    split = tmp_path / "data" / "pictograms" / "split_zhou_Pictograms.json"
    whole = split.read_text()
    split.write_text(whole.replace('"airplane"', '"aeroplane"'))
    refused(run_here(args), "another configuration", "data.split", "data.classes")
    split.write_text(whole)
    for image in sorted((tmp_path / "data" / "pictograms" / "images" / "train").rglob("*.*"))[::3]:
        image.unlink()
    refused(run_here(args), "images/train")


@pytest.mark.parametrize("leave", ["done", "started", "train_state.pth.tar", "prompt_learner/model.pth.tar-3"])
def test_folder_of_an_unknown_run_is_not_trained_into(room, tmp_path, run_here, leave):
    path = tmp_path / "out" / leave
    path.parent.mkdir(parents=True)
    path.write_text("0" * 64)
    refused(run_here(arguments(room, tmp_path / "out")), "another configuration", "does not say which")
    assert path.read_text() == "0" * 64 and not (tmp_path / "out" / "run.json").exists()


def test_resuming_another_run_is_refused_and_an_unknown_one_is_marked(room, steps, tmp_path, run_here):
    args = arguments(room, tmp_path / "out", extra=["RESUME", steps["base"], "OPTIM.MAX_EPOCH", 4])
    refused(run_here(args), "RESUME", "OPTIM.MAX_EPOCH is 3 there and 4 here")
    shutil.copytree(steps["base"] / "prompt_learner", tmp_path / "unknown" / "prompt_learner")
    args = arguments(room, tmp_path / "out", extra=["RESUME", tmp_path / "unknown"])
    succeeded(run_here(args))
    assert records(tmp_path / "out")[0]["origin"] == "unverified"


def test_second_run_in_a_folder_is_refused_while_the_first_lives(room, tmp_path, run_here):
    args = arguments(room, tmp_path / "out", extra=["OPTIM.MAX_EPOCH", 400])
    process = subprocess.Popen(command(args), stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
    try:
        next(line for line in process.stdout if line.startswith("epoch [1/"))
        (tmp_path / "link").symlink_to(tmp_path / "out")
        refused(run_here(arguments(room, tmp_path / "link", extra=["OPTIM.MAX_EPOCH", 400])), "in use",
                f"process {process.pid} on ")
        assert (tmp_path / "out" / "run.json").is_file()
    finally:
        process.kill()
        process.communicate()
    refused(run_here(arguments(room, tmp_path / "out", extra=["OPTIM.LR", 1])), "another configuration")


@pytest.mark.parametrize("changes, words", [
    (dict(extra=["OPTIM.MAX_EPOCH", 0]), ["MAX_EPOCH"]),
    (dict(classes="new", trainer="CoOp"), ["labels of the new classes"]),
    (dict(trainer="CoOp", extra=["OPTIM.MAX_EPOCH", 1, "DATALOADER.TRAIN_X.BATCH_SIZE", 56, "OPTIM.LR", 1e38,
                                 "OPTIM.WARMUP_EPOCH", -1]), ["not finite"]),
])
def test_what_is_no_training_is_not_recorded(room, tmp_path, run_here, changes, words):
    refused(run_here(arguments(room, tmp_path / "out", **changes)), *words)
    assert not (tmp_path / "out" / "results.jsonl").exists()


def test_prompts_that_are_not_numbers_are_not_tested(room, steps, tmp_path, run_here):
    shutil.copytree(steps["base"], tmp_path / "model")
    path = tmp_path / "model" / "prompt_learner" / "model.pth.tar-3"
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["state_dict"]["ctx"][1, 2] = float("nan")
    torch.save(checkpoint, path)
    refused(run_here(words_of_test(room, tmp_path / "out", str(tmp_path / "model"))), "ctx", "not finite")
    assert not (tmp_path / "out").exists()


# Bad input

@pytest.mark.parametrize("changes, words", [
    (dict(trainer="CoOp_MOA"), ["CoOp_MOA", "did you mean 'CoOp_MAO'"]),
    (dict(extra=["DATASET.NAME", "Pictogram"]), ["'Pictogram'", "did you mean 'Pictograms'"]),
    (dict(extra=["OPTIM.LEARNING_RATE", 1]), ["OPTIM.LEARNING_RATE"]),
    (dict(extra=["OPTIM.LR", "fast"]), ["OPTIM.LR", "fast"]),
    (dict(extra=["OPTIM.LR"]), ["'OPTIM.LR' stands alone"]),
    (dict(extra=["MAO.TOPK", 1]), ["MAO.TOPK is 1"]),
    (dict(extra=["MAO.STAGE", "two"]), ["'two'", "base"]),
    (dict(extra=["MAO.STAGE", "new"]), ["base/new split", "SUBSAMPLE_CLASSES"]),
    (dict(extra=["MAO.POOL", "val"]), ["'val'", "fewshot"]),
    (dict(classes="old"), ["'old'"]),
    (dict(extra=["DATASET.NUM_SHOTS", 0]), ["NUM_SHOTS is 0"]),
    (dict(extra=["TRAINER.COOP.PREC", "fp12"]), ["fp12"]),
    (dict(extra=["MODEL.BACKBONE.NAME", "ViT-B/17"]), ["ViT-B/17", "ViT-B/16"]),
    (dict(extra=["OPTIM.NAME", "sdg"]), ["sdg", "sgd"]),
    (dict(extra=["INPUT.SIZE", (64, 64)]), ["takes 32x32"]),
    (dict(trainer="ZeroshotCLIP", extra=["INPUT.SIZE", (64, 64)]), ["takes 32x32"]),
])
def test_bad_words_are_refused_before_a_file_is_written(room, tmp_path, run_here, changes, words):
    done = run_here(arguments(room, tmp_path / "out", **changes))
    refused(done, *words)
    assert done.stderr.count("\n") == 1 and not (tmp_path / "out").exists()


def test_bad_yaml_files_are_named(room, tmp_path, run_here):
    args = arguments(room, tmp_path / "out")
    args[args.index("--config-file") + 1] = str(tmp_path / "absent.yaml")
    refused(run_here(args), "absent.yaml", "no such file")
    (tmp_path / "broken.yaml").write_text("OPTIM: [1, 2")
    args[args.index("--config-file") + 1] = str(tmp_path / "broken.yaml")
    refused(run_here(args), "broken.yaml")
    (tmp_path / "key.yaml").write_text("OPTIM: {LRR: 1}")
    args[args.index("--config-file") + 1] = str(tmp_path / "key.yaml")
    refused(run_here(args), "key.yaml", "OPTIM.LRR")


@pytest.mark.parametrize("folder, changes, words", [
    ("", {}, ["MAO.BASE_DIR is not set"]),
    ("absent", {}, ["absent", "does not exist"]),
    ("empty", {}, ["is empty"]),
    ("base", dict(seed=2), ["of seed 1", "of 2"]),
    ("base", dict(extra=["DATASET.NUM_SHOTS", 2]), ["of shots 1", "of 2"]),
    ("base", dict(trainer="MaPLe_MAO", extra=DEEP), ["of trainer 'CoOp_MAO'", "of 'MaPLe_MAO'"]),
    ("base", dict(extra=["TRAINER.COOP.N_CTX", 6]), ["TRAINER.COOP.N_CTX 4", "of 6"]),
    ("base", dict(extra=["TRAINER.COOP.CLASS_TOKEN_POSITION", "front"]), ["CLASS_TOKEN_POSITION 'end'", "'front'"]),
    ("base", dict(extra=["MODEL.BACKBONE.NAME", "wide.pt"]), ["of clip "]),
    ("new", {}, ["of stage 'new'", "from 'base'"]),
    ("all", {}, ["of classes 'all'", "from 'base'"]),
    ("killed", {}, ["not come to its end"]),
    ("killed old", {}, ["not come to its end"]),
    ("other data", {}, ["of data.split"]),
    ("damaged", {}, ["run.json", "does not say which run"]),
    ("base", dict(extra=["MAO.BASE_EPOCH", 9]), ["model.pth.tar-9", "MAO.BASE_EPOCH"]),
    ("old", {}, ["of data.name 'Food101'", "'Pictograms'"]),
])
def test_bad_base_folders_are_refused_and_leave_nothing(room, steps, on_all, tmp_path, run_here, folder, changes,
                                                        words):
    folders = {**steps, "all": on_all}
    path = folders.get(folder, tmp_path / folder)
    if folder not in ("", "absent", *folders):
        path.mkdir()
    if folder == "killed":
        shutil.copy(steps["base"] / "run.json", path)
    elif folder == "other data":
        run = read_run(steps["base"])
        other = replace(run.identity, data={**run.identity.data, "split": "1" * 64})
        write_run(path, replace(run, identity=other))
        mark_done(path, other.digest)
    elif folder == "damaged":
        (path / "run.json").write_text("{")
    elif folder == "killed old":
        (path / "started").touch()
    elif folder == "old":
        (path / "mao_base.json").write_text(json.dumps({"trainer": "CoOp_MAO", "dataset": "Food101", "seed": 1}))
    extra = [room / value if value == "wide.pt" else value for value in changes.get("extra", [])]
    extra += ["MAO.BASE_DIR", path] if folder else []
    refused(run_here(arguments(room, tmp_path / "out", classes="new", **{**changes, "extra": extra})), *words)
    assert not (tmp_path / "out").exists()


def test_base_folder_of_another_version_is_taken_and_marked(room, steps, tmp_path, run_here):
    shutil.copytree(steps["base"], tmp_path / "old", ignore=shutil.ignore_patterns("run.json", "results.jsonl"))
    extra = ["MAO.BASE_DIR", tmp_path / "old", "OPTIM.MAX_EPOCH", 1]
    assert "unverified" in succeeded(run_here(arguments(room, tmp_path / "out", classes="new", extra=extra)))
    (record,) = records(tmp_path / "out")
    assert (record["origin"], records(steps["new"])[0]["origin"]) == ("unverified", "verified")


def test_step_one_on_new_classes_is_refused(room, tmp_path, run_here):
    refused(run_here(arguments(room, tmp_path / "out", classes="new", extra=["MAO.STAGE", "base"])),
            "labels of the new classes")
    assert not (tmp_path / "out").exists()


def test_similarity_of_another_size_is_refused(room, tmp_path, run_here):
    np.save(tmp_path / "small.npy", np.eye(3))
    refused(run_here(arguments(room, tmp_path / "out", extra=["MAO.SIMILARITY", tmp_path / "small.npy"])),
            "(3, 3)", "(56, 56)")


def test_unreadable_image_is_named(room, steps, tmp_path):
    shutil.copytree(room / "data" / "pictograms", tmp_path / "data" / "pictograms")
    for image in (tmp_path / "data" / "pictograms" / "images" / "train" / "airplane").iterdir():
        image.write_bytes(image.read_bytes()[:40])
    args = arguments(room, tmp_path / "out")
    args[1] = str(tmp_path / "data")
    refused(run(args), "images/train/airplane/")


def test_loss_that_is_not_a_number_keeps_the_last_state(room, tmp_path, run_here):
    extra = ["OPTIM.LR", 1e30, "OPTIM.MAX_EPOCH", 4]
    refused(run_here(arguments(room, tmp_path / "out", trainer="CoOp", extra=extra)), "epoch", "step")
    assert (tmp_path / "out" / "train_state.pth.tar").is_file() and not (tmp_path / "out" / "done").exists()


def test_full_disk_is_a_sentence(room, tmp_path):
    """A limit on file size stands for a full disk: the checkpoint cannot be written."""
    extra = ["OPTIM.MAX_EPOCH", 1, "DATALOADER.NUM_WORKERS", 0]  # the limit would also hit the workers' shared memory
    line = shlex.join(command(arguments(room, tmp_path / "out", trainer="CoOp", extra=extra)))
    done = subprocess.run(["bash", "-c", f"ulimit -f 2; exec {line}"], capture_output=True, text=True, env=ENVIRONMENT)
    refused(done, str(tmp_path / "out"))
    assert not list((tmp_path / "out").glob("**/*.tmp*"))
    assert not list((tmp_path / "out").glob("*/model.pth.tar*"))
