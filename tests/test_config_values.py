"""Values of config keys: which are refused, and that the words among them are those of the engine."""
import pytest
from dassl.config import get_cfg_default
from dassl.data.transforms.build import AVAI_CHOICES, INTERPOLATION_MODES
from dassl.optim.lr_scheduler import SCHEDULES, WARMUPS
from dassl.optim.optimizer import OPTIMIZERS
from small_run import make_room, refused, words

from compat.run_config.values import RULES, check_values
from compat.settings import flat_config


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return make_room(tmp_path_factory.mktemp("room"))


@pytest.mark.parametrize("key, choices", [
    ("INPUT.TRANSFORMS", AVAI_CHOICES), ("INPUT.INTERPOLATION", INTERPOLATION_MODES), ("OPTIM.NAME", OPTIMIZERS),
    ("OPTIM.LR_SCHEDULER", SCHEDULES), ("OPTIM.WARMUP_TYPE", WARMUPS)])
def test_words_are_those_that_the_engine_knows(key, choices):
    listed = RULES[key].text.rpartition("one of ")[2].split(", ")
    assert sorted(listed) == sorted(choices)


def test_defaults_pass_and_every_number_has_a_rule():
    cfg = get_cfg_default()
    check_values(cfg)
    unruled = {key for key, value in flat_config(cfg).items() if type(value) in (int, float) and key not in RULES}
    assert unruled <= {"VERSION", "DATASET.NUM_SHOTS", "DATASET.STL10_FOLD", "DATASET.CIFAR_C_LEVEL"}


@pytest.mark.parametrize("key, values", [
    ("OPTIM.LR", [0, -1.0, "nan", "1e999", 1e300, True, None, "fast", "(1,)", "9" * 6000]),
    ("OPTIM.WEIGHT_DECAY", [-1, "1e999", 1e300]), ("OPTIM.MOMENTUM", [-0.1, 1.0, 5]), ("OPTIM.ADAM_BETA1", [1]),
    ("OPTIM.NAME", ["sdg", ""]), ("OPTIM.LR_SCHEDULER", ["cos"]), ("OPTIM.WARMUP_TYPE", ["quick"]),
    ("OPTIM.STEPSIZE", ["()", "(1.5,)", "3"]), ("OPTIM.MAX_EPOCH", [0, -1, 10**9]), ("OPTIM.SGD_NESTEROV", [1]),
    ("DATALOADER.TRAIN_X.BATCH_SIZE", [0, -1, 2**63]), ("DATALOADER.TEST.BATCH_SIZE", [0]),
    ("DATALOADER.NUM_WORKERS", [-1, 10**6]), ("DATALOADER.K_TRANSFORMS", [0, 2]),
    ("DATALOADER.TRAIN_X.SAMPLER", ["Random"]), ("TRAIN.PRINT_FREQ", [0]), ("TRAIN.CHECKPOINT_FREQ", [-1]),
    ("TRAIN.COUNT_ITER", ["foo"]), ("TEST.SPLIT", ["foo", "train"]), ("TEST.FINAL_MODEL", ["foo"]),
    ("TEST.EVALUATOR", ["foo"]), ("INPUT.SIZE", ["(32,)", "(0, 32)", "(32.5, 32)", "32"]),
    ("INPUT.PIXEL_STD", ["(1, 1)", "(0, 1, 1)", "(1, 1, 'x')"]), ("INPUT.PIXEL_MEAN", ["(1e999, 0, 0)"]),
    ("INPUT.RRCROP_SCALE", ["(1, 0.5)", "(0, 1)", "(0.5, 2)", "(0.5,)"]), ("INPUT.INTERPOLATION", ["cubic"]),
    ("INPUT.TRANSFORMS", ["normalize", "('normalise',)", "(1,)"]), ("INPUT.NO_TRANSFORM", ["True"]),
    ("INPUT.GB_K", [2, -1]), ("INPUT.COLORJITTER_H", [0.6]), ("INPUT.RANDAUGMENT_M", [99]),
    ("SEED", [-2, 2**32, 2**70, 1.5]), ("OUTPUT_DIR", ["''"]), ("DATASET.NUM_SHOTS", [0, -3]),
    ("DATASET.SUBSAMPLE_CLASSES", ["old"]), ("TRAINER.COOP.N_CTX", [0, -1, 10**6]), ("TRAINER.COOP.PREC", ["fp12"]),
    ("MODEL.COMPILE", ["True", "nvcc"]), ("INPUT.NORMALIZE_ON_DEVICE", ["('normalize',)", 1]),
    ("MAO.NEW.LR", [-1, "1e999"]), ("MAO.NEW.BATCH_SIZE", [-1, 10**9]), ("USE_CUDA", [1, "yes"]),
    ("TRAINER.PROMPTSRC.TEXT_LOSS_WEIGHT", [-1]), ("MAO.TOPK", [2**70])])
def test_values_out_of_range_are_refused_before_a_file_is_written(room, key, values):
    for value in values:
        refused(room, words(room, pairs=[key, value]), key.rpartition(".")[2])


def test_nesterov_without_momentum_is_refused(room):
    refused(room, words(room, pairs=["OPTIM.SGD_NESTEROV", "True", "OPTIM.MOMENTUM", 0]), "OPTIM.SGD_NESTEROV")
