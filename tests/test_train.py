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
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from paths import REPOSITORY
from small_clip import small_clip_state

import train

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
    succeeded(run_here(arguments(room, tmp_path / "out", trainer=trainer, classes="new")))
    (record,) = records(tmp_path / "out")
    assert record["epoch"] == 0 and record["num_classes"] == 55


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
    ("base", dict(extra=["TRAINER.COOP.N_CTX", 6]), ["ctx has shape (4, 64)", "(6, 64)"]),
    ("base", dict(extra=["MODEL.BACKBONE.NAME", "wide.pt"]), ["backbone", "wide.pt"]),
    ("base", dict(extra=["MAO.BASE_EPOCH", 9]), ["model.pth.tar-9", "MAO.BASE_EPOCH"]),
    ("other", {}, ["of dataset 'Food101'", "'Pictograms'"]),
])
def test_bad_base_folders_are_refused_and_leave_nothing(room, steps, tmp_path, run_here, folder, changes, words):
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    facts = json.loads((steps["base"] / "mao_base.json").read_text())
    (tmp_path / "other" / "mao_base.json").write_text(json.dumps({**facts, "dataset": "Food101"}))
    path = steps["base"] if folder == "base" else tmp_path / folder
    extra = [room / value if value == "wide.pt" else value for value in changes.get("extra", [])]
    extra += ["MAO.BASE_DIR", path] if folder else []
    refused(run_here(arguments(room, tmp_path / "out", classes="new", **{**changes, "extra": extra})), *words)
    assert not (tmp_path / "out").exists()


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
