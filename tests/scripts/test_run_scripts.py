"""The command lines of train.py that the bash scripts come down to, and what they do with bad arguments."""
import pytest
from sweep_tools import run_script, small_setting, train_calls

from experiments.sweep import __main__ as sweep

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
        "--config-file configs/trainers/CoOp_MAO/mini.yaml "
        "--output-dir out/base2new/train_base/pictograms/shots_16/CoOp_MAO/mini/seed3 "
        "DATASET.NUM_SHOTS 16 DATASET.SUBSAMPLE_CLASSES base OPTIM.MAX_EPOCH 2",
        "train.py --root ./data --seed 3 --trainer CoOp_MAO --dataset-config-file configs/datasets/pictograms.yaml "
        "--config-file configs/trainers/CoOp_MAO/mini.yaml "
        "--output-dir out/base2new/test_new/pictograms/shots_16/CoOp_MAO/mini/seed3 "
        "--model-dir out/base2new/train_base/pictograms/shots_16/CoOp_MAO/mini/seed3 --eval-only "
        "DATASET.NUM_SHOTS 16 DATASET.SUBSAMPLE_CLASSES new MAO.STAGE base OPTIM.MAX_EPOCH 2",
        "train.py --root ./data --seed 3 --trainer CoOp_MAO --dataset-config-file configs/datasets/pictograms.yaml "
        "--config-file configs/trainers/CoOp_MAO/mini.yaml "
        "--output-dir out/base2new/train_new/pictograms/shots_16/CoOp_MAO/mini/seed3 "
        "MAO.BASE_DIR out/base2new/train_base/pictograms/shots_16/CoOp_MAO/mini/seed3 "
        "DATASET.NUM_SHOTS 16 DATASET.SUBSAMPLE_CLASSES new OPTIM.MAX_EPOCH 2"],
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
def calls_of(repository, tmp_path):
    """Command lines of train.py that a script comes down to."""
    return lambda words, **settings: [" ".join(call) for call in train_calls(repository, tmp_path, *words.split(),
                                                                             **settings)]


@pytest.mark.parametrize("words", CASES)
def test_command_lines(calls_of, words):
    assert calls_of(words) == CASES[words]


def test_settings_from_the_environment(calls_of):
    call, = calls_of("coop/base2new_train.sh pictograms 1", DATA="/sets", OUTPUT="/out", SHOTS="4",
                     CFG="vit_b16_c4_ep20")
    assert "--root /sets" in call
    assert "--output-dir /out/base2new/train_base/pictograms/shots_4/CoOp/vit_b16_c4_ep20/seed1" in call
    assert "--config-file configs/trainers/CoOp/vit_b16_c4_ep20.yaml" in call
    assert "DATASET.NUM_SHOTS 4" in call


def test_setting_of_the_environment_may_be_that_of_prompts_for_other_data_sets(calls_of):
    call, = calls_of("maple/base2new_train.sh dtd 1", CFG="vit_b16_c2_ep20_xd")
    assert "/MaPLe/vit_b16_c2_ep20_xd/seed1 " in call and "TRAINER.MAPLE.PROMPT_DEPTH 3" in call
    assert "--config-file configs/trainers/MaPLe/vit_b16_c2_ep20.yaml" in call


def test_context_may_start_from_words(calls_of):
    call, = calls_of("mao/base2new_step1.sh CoOp_MAO dtd 1", CFG="vit_b16_c4_ep10_ctxv1")
    assert "/CoOp_MAO/vit_b16_c4_ep10_ctxv1/seed1 " in call and " TRAINER.COOP.CTX_INIT a photo of a " in call
    assert "--config-file configs/trainers/CoOp_MAO/vit_b16_c4_ep10.yaml" in call


def test_control_is_the_backbone_and_then_step_2_from_its_prompts(calls_of):
    *backbone, control = calls_of("mao/base2new.sh CoOp+step2 pictograms 2")
    assert backbone == [call for part in ("train", "test")
                        for call in calls_of(f"coop/base2new_{part}.sh pictograms 2")]
    assert control == (
        "train.py --root ./data --seed 2 --trainer CoOp_MAO --dataset-config-file configs/datasets/pictograms.yaml "
        "--config-file configs/trainers/CoOp_MAO/mini.yaml "
        "--output-dir out/base2new/train_new/pictograms/shots_16/CoOp_MAO/mini_base_run_backbone/seed2 "
        "MAO.BASE_DIR out/base2new/train_base/pictograms/shots_16/CoOp/mini/seed2 "
        "DATASET.NUM_SHOTS 16 DATASET.SUBSAMPLE_CLASSES new MAO.BASE_RUN backbone")
    assert calls_of("mao/base2new_step2.sh CoOp+step2 pictograms 2") == [control]


def test_methods_in_capital_letters_are_no_config_keys(calls_of):
    call, = calls_of("mao/base2new_step1.sh VPT_MAO dtd 1 SEED 2")
    assert "--config-file configs/trainers/VPT_MAO/vit_b16_c8_ep5.yaml" in call and "/seed2 " in call
    args = sweep.parse_arguments(["table1", "--methods", "VPT", "IVLP", "SEED", "2"])
    assert (args.methods, args.pairs) == (["VPT", "IVLP"], ["SEED", "2"])


def test_trainer_of_one_s_own_needs_only_a_setting(calls_of):
    call, = calls_of("mao/xd_train.sh Own_MAO 1", CFG="own")
    assert "--config-file configs/trainers/Own_MAO/own.yaml --output-dir out/imagenet/Own_MAO/own_16shots/seed1" in call


@pytest.mark.parametrize("words, folders", [
    ("coop/base2new_train.sh pictograms 1 DATASET.NUM_SHOTS 2",
     ["out/base2new/train_base/pictograms/shots_2/CoOp/mini/seed1"]),
    ("mao/base2new.sh CoOp_MAO pictograms 1 SEED 3 DATASET.NUM_SHOTS 2 OPTIM.LR 0.1",
     [f"out/base2new/{kind}/pictograms/shots_2/CoOp_MAO/mini/seed3"
      for kind in ("train_base", "test_new", "train_new")]),
    ("coop/few_shot.sh pictograms 1 DATASET.NUM_SHOTS 3", ["out/pictograms/CoOp/mini_3shots/seed1"]),
    ("maple/xd_train.sh 1 DATASET.NUM_SHOTS 4", ["out/imagenet/MaPLe/vit_b16_c2_ep20_xd_4shots/seed1"]),
    ("zsclip/zeroshot.sh pictograms SEED 2", ["out/zeroshot/pictograms/ZeroshotCLIP/mini/all/seed2"]),
])
def test_pair_that_a_folder_is_named_after_chooses_the_folder(calls_of, words, folders):
    calls = [call.split() for call in calls_of(words)]
    assert [call[call.index("--output-dir") + 1] for call in calls] == folders
    for call, folder in zip(calls, folders):
        if "--eval-only" in call:
            assert call[call.index("--model-dir") + 1] == folders[0]
        assert folder.endswith(f"/seed{call[call.index('--seed') + 1]}")


@pytest.mark.parametrize("words, part", [
    ("coop/base2new_train.sh pictograms 1 DATASET.NAME DTD", "DATASET.NAME DTD"),
    ("coop/base2new_train.sh pictograms 1 TRAINER.NAME MaPLe", "TRAINER.NAME MaPLe"),
    ("coop/base2new_train.sh pictograms 1 DATASET.SUBSAMPLE_CLASSES all", "DATASET.SUBSAMPLE_CLASSES all"),
    ("coop/base2new_train.sh pictograms 1 OUTPUT_DIR x", "OUTPUT_DIR x"),
    ("coop/base2new_train.sh pictograms one", "'one'"),
    ("coop/base2new_train.sh pictogram 1", "'pictogram'"),
    ("mao/base2new_step1.sh CoOpMAO pictograms 1", "'CoOpMAO'"),
    ("mao/base2new_step2.sh CoOp pictograms 1", "CoOp has one step"),
    ("mao/few_shot.sh CoOp+step2 pictograms 1", "'CoOp+step2'"),
    ("zsclip/zeroshot.sh pictograms old", "'old'"),
])
def test_words_that_no_folder_fits_are_refused(repository, tmp_path, words, part):
    done = run_script(repository, tmp_path / "out", *words.split())
    assert done.returncode == 2 and part in done.stderr and not (tmp_path / "out").exists()
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [
    "coop/base2new_train.sh pictograms", "coop/base2new_test.sh", "coop/base2new_test.sh pictograms 1 2",
    "zsclip/zeroshot.sh", "mao/base2new.sh CoOp_MAO pictograms", "coop/xd_train.sh", "coop/xd_test.sh dtd",
    "coop/dg_test.sh", "coop/few_shot.sh dtd", "mao/xd_train.sh CoOp_MAO", "mao/xd_test.sh CoOp_MAO dtd",
    "mao/dg_test.sh CoOp_MAO", "mao/few_shot.sh CoOp_MAO dtd"])
def test_wrong_number_of_words_is_answered_by_the_synopsis(repository, tmp_path, words):
    done = run_script(repository, tmp_path / "out", *words.split())
    assert done.returncode == 2 and f"usage: bash {repository}/scripts/{words.split()[0]} " in done.stderr
    assert ("TRAINER" in done.stderr) == words.startswith("mao/") and done.stderr.count("\n") == 1


def test_quickstart_with_an_unknown_word(repository, tmp_path):
    done = run_script(repository, tmp_path / "out", "quickstart.sh", "--long")
    assert done.returncode == 2 and "--long" in done.stderr and "--help" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("script", ["coop/few_shot.sh", "quickstart.sh", "reproduce/table1.sh", "torch_matrix.sh",
                                    "setup.sh", "lint.sh"])
@pytest.mark.parametrize("python", ["/nope", "/tmp", "/bin/true", "/bin/cat", "python3 -u"])
def test_what_is_no_python_is_refused(repository, tmp_path, script, python):
    done = run_script(repository, tmp_path / "out", script, "pictograms", "1", PYTHON=python)
    assert done.returncode == 2 and done.stderr.startswith(f"error: PYTHON={python} is "), done
    assert done.stderr.count("\n") == 1


def test_a_failed_part_stops_the_rest(repository, tmp_path):
    done = run_script(repository, tmp_path / "out", "mao/base2new.sh", "CoOp_MAO", "pictograms", "1",
                      *small_setting(tmp_path), "TRAINER.COOP.PREC", "fp12")
    assert done.returncode == 2 and done.stderr.count("error: ") == 1
