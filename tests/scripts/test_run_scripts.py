"""The command lines that the bash scripts hand to train.py, and what they do with bad arguments."""
import os
import subprocess

import pytest

CASES = {
    "coop/base2new_train.sh pictograms 2": [
        "train.py --root ./data --seed 2 --trainer CoOp --dataset-config-file configs/datasets/pictograms.yaml "
        "--config-file configs/trainers/CoOp/mini.yaml "
        "--output-dir out/base2new/train_base/pictograms/shots_16/CoOp/mini/seed2 "
        "DATASET.NUM_SHOTS 16 DATASET.SUBSAMPLE_CLASSES base"],
    "coop/base2new_test.sh pictograms 2": [
        "train.py --root ./data --seed 2 --trainer CoOp --dataset-config-file configs/datasets/pictograms.yaml "
        "--config-file configs/trainers/CoOp/mini.yaml "
        "--output-dir out/base2new/test_new/pictograms/shots_16/CoOp/mini/seed2 "
        "--model-dir out/base2new/train_base/pictograms/shots_16/CoOp/mini/seed2 --eval-only "
        "DATASET.NUM_SHOTS 16 DATASET.SUBSAMPLE_CLASSES new"],
    "mao/base2new.sh CoOp_MAO pictograms 3 OPTIM.MAX_EPOCH 2": [
        "train.py --root ./data --seed 3 --trainer CoOp_MAO --dataset-config-file configs/datasets/pictograms.yaml "
        "--config-file configs/trainers/CoOp_MAO/mini_base.yaml "
        "--output-dir out/base2new/train_base/pictograms/shots_16/CoOp_MAO/mini/seed3 "
        "DATASET.NUM_SHOTS 16 DATASET.SUBSAMPLE_CLASSES base OPTIM.MAX_EPOCH 2",
        "train.py --root ./data --seed 3 --trainer CoOp_MAO --dataset-config-file configs/datasets/pictograms.yaml "
        "--config-file configs/trainers/CoOp_MAO/mini_base.yaml "
        "--output-dir out/base2new/test_new/pictograms/shots_16/CoOp_MAO/mini/seed3 "
        "--model-dir out/base2new/train_base/pictograms/shots_16/CoOp_MAO/mini/seed3 --eval-only "
        "DATASET.NUM_SHOTS 16 DATASET.SUBSAMPLE_CLASSES new MAO.STAGE base OPTIM.MAX_EPOCH 2",
        "train.py --root ./data --seed 3 --trainer CoOp_MAO --dataset-config-file configs/datasets/pictograms.yaml "
        "--config-file configs/trainers/CoOp_MAO/mini_new.yaml "
        "--output-dir out/base2new/train_new/pictograms/shots_16/CoOp_MAO/mini/seed3 "
        "DATASET.NUM_SHOTS 16 DATASET.SUBSAMPLE_CLASSES new "
        "MAO.BASE_DIR out/base2new/train_base/pictograms/shots_16/CoOp_MAO/mini/seed3 OPTIM.MAX_EPOCH 2"],
    "zsclip/zeroshot.sh pictograms": [
        "train.py --root ./data --seed 1 --trainer ZeroshotCLIP --dataset-config-file configs/datasets/pictograms.yaml "
        "--config-file configs/trainers/ZeroshotCLIP/mini.yaml "
        "--output-dir out/zeroshot/pictograms/ZeroshotCLIP/mini/all/seed1 DATASET.SUBSAMPLE_CLASSES all"],
    "zsclip/zeroshot.sh imagenet new": [
        "train.py --root ./data --seed 1 --trainer ZeroshotCLIP --dataset-config-file configs/datasets/imagenet.yaml "
        "--config-file configs/trainers/ZeroshotCLIP/vit_b16.yaml "
        "--output-dir out/zeroshot/imagenet/ZeroshotCLIP/vit_b16/new/seed1 DATASET.SUBSAMPLE_CLASSES new"],
}


@pytest.fixture
def run(tmp_path, repository):
    """Run a script with an interpreter that only writes down its arguments."""
    recorder = tmp_path / "python"
    recorder.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n')
    recorder.chmod(0o755)

    def run(words, **environment):
        clean = {key: value for key, value in os.environ.items()
                 if key not in ("DATA", "OUTPUT", "SHOTS", "CFG", "SEED")}
        script, *arguments = words.split()
        done = subprocess.run(["bash", str(repository / "scripts" / script), *arguments], cwd=tmp_path,
                              env={**clean, "PYTHON": str(recorder), "OUTPUT": "out", **environment},
                              capture_output=True, text=True)
        calls = tmp_path / "calls"
        return done, calls.read_text().splitlines() if calls.exists() else []

    return run


@pytest.mark.parametrize("words", CASES)
def test_command_lines(run, words):
    done, calls = run(words)
    assert done.returncode == 0, done.stderr
    assert calls == CASES[words]


def test_settings_from_the_environment(run):
    _, (call,) = run("coop/base2new_train.sh pictograms 1", DATA="/sets", OUTPUT="/out", SHOTS="4",
                     CFG="vit_b16_c4_ep20")
    assert "--root /sets" in call
    assert "--output-dir /out/base2new/train_base/pictograms/shots_4/CoOp/vit_b16_c4_ep20/seed1" in call
    assert "--config-file configs/trainers/CoOp/vit_b16_c4_ep20.yaml" in call
    assert "DATASET.NUM_SHOTS 4" in call


@pytest.mark.parametrize("words", ["coop/base2new_train.sh pictograms", "coop/base2new_test.sh", "zsclip/zeroshot.sh",
                                   "mao/base2new.sh CoOp_MAO pictograms", "quickstart.sh --long"])
def test_bad_arguments(run, words):
    done, calls = run(words)
    assert done.returncode == 2 and calls == []
    assert done.stderr.startswith("usage: bash ") and done.stderr.count("\n") == 1


def test_a_failed_part_stops_the_rest(run, tmp_path):
    (tmp_path / "failing").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\nexit 3\n')
    (tmp_path / "failing").chmod(0o755)
    done, calls = run("mao/base2new.sh CoOp_MAO pictograms 1", PYTHON=str(tmp_path / "failing"))
    assert done.returncode == 3 and len(calls) == 1


def test_all_yaml_files_of_the_command_lines_exist(repository):
    named = {word for calls in CASES.values() for call in calls for word in call.split() if word.endswith("mini.yaml")
             or word.endswith("pictograms.yaml") or "mini_" in word and word.endswith(".yaml")}
    assert named and all((repository / path).is_file() for path in named)
