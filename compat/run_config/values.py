"""What the value of each of Dassl's config keys may be. The keys of a trainer's own node are checked by the trainer.

Words are written out, since an installed Dassl keeps them elsewhere; a test compares them with the bundled engine's.
"""
import math
import reprlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from yacs.config import CfgNode

from ..errors import UserError
from ..settings import flat_config


class Rule(NamedTuple):
    """What to give, in words, and whether a value, which is of the default's type, is that."""

    text: str
    fits: Callable[[Any], bool]


def whole(least: int, most: int = 10**6) -> Rule:
    return Rule(f"a whole number from {least} to {most}", lambda value: type(value) is int and least <= value <= most)


LARGEST = 1e38  # what optimizers compute with has to fit into float32


def number(least: float = 0.0, most: float = LARGEST) -> Rule:
    return Rule(f"a number from {least:g} to {most:g}",
                lambda value: type(value) in (int, float) and least <= value <= most)


def word(*choices: str) -> Rule:
    return Rule(f"one of {', '.join(choices)}", lambda value: value in choices)


def each(rule: Rule, count: int = 0) -> Rule:
    return Rule(f"a list of {count or 'values'}, each {rule.text}",
                lambda values: (not count or len(values) == count) and all(map(rule.fits, values)))


POSITIVE = Rule(f"a number above 0, up to {LARGEST:g}", lambda value: 0 < value <= LARGEST)
BELOW_ONE = Rule("a number from 0 to less than 1", lambda value: 0 <= value < 1)
SAMPLER = word("RandomSampler", "SequentialSampler", "RandomDomainSampler", "SeqDomainSampler", "RandomClassSampler")
PROMPT_LENGTH = whole(0, 1000)  # the trainers know the context length; this keeps memory for it in bounds

RULES: dict[str, Rule] = {
    "OUTPUT_DIR": Rule("the path of a folder", bool),
    "RESUME": Rule("the folder of a run that left a checkpoint or a state", lambda value: not value or any(
        any(Path(value).glob(files)) for files in ("train_state.pth.tar", "*/checkpoint", "*/model*.pth.tar*"))),
    "SEED": whole(-1, 2**32 - 1),
    "INPUT.SIZE": each(whole(1, 4096), 2),
    "INPUT.INTERPOLATION": word("bilinear", "bicubic", "nearest"),
    "INPUT.TRANSFORMS": each(word(
        "random_flip", "random_resized_crop", "normalize", "instance_norm", "random_crop", "random_translation",
        "center_crop", "cutout", "imagenet_policy", "cifar10_policy", "svhn_policy", "randaugment",
        "randaugment_fixmatch", "randaugment2", "gaussian_noise", "colorjitter", "randomgrayscale", "gaussian_blur")),
    "INPUT.NO_TRANSFORM": Rule("False, as the models take tensors", lambda value: not value),
    "INPUT.PIXEL_MEAN": each(number(-1000, 1000), 3),
    "INPUT.PIXEL_STD": each(number(1e-6, 1000), 3),
    "INPUT.CROP_PADDING": whole(0, 4096),
    "INPUT.RRCROP_SCALE": Rule("two shares of an image's area, such as (0.08, 1.0), the smaller first",
                               lambda value: each(number(1e-6, 1), 2).fits(value) and value[0] <= value[1]),
    "INPUT.CUTOUT_N": whole(0, 1000),
    "INPUT.CUTOUT_LEN": whole(0, 4096),
    "INPUT.GN_MEAN": number(-1000, 1000),
    "INPUT.GN_STD": number(0, 1000),
    "INPUT.RANDAUGMENT_N": whole(0, 100),
    "INPUT.RANDAUGMENT_M": whole(0, 30),
    **{f"INPUT.COLORJITTER_{part}": number(0, 100) for part in "BCS"},
    "INPUT.COLORJITTER_H": number(0, 0.5),
    "INPUT.RGS_P": number(0, 1),
    "INPUT.GB_P": number(0, 1),
    "INPUT.GB_K": Rule("an odd number from 1 to 1023", lambda value: 1 <= value <= 1023 and value % 2 == 1),
    "DATASET.NUM_LABELED": whole(-1),
    "DATASET.VAL_PERCENT": number(0, 1),
    "DATASET.SPLIT_SEED": whole(0, 2**32 - 1),
    "DATALOADER.NUM_WORKERS": whole(0, 256),
    "DATALOADER.K_TRANSFORMS": Rule("1, as the trainers take one view of an image", lambda value: value == 1),
    **{f"DATALOADER.{part}.{key}": rule for part in ("TRAIN_X", "TRAIN_U", "TEST") for key, rule in {
        "SAMPLER": SAMPLER, "BATCH_SIZE": whole(1), "N_DOMAIN": whole(0), "N_INS": whole(1)}.items()},
    "MODEL.COMPILE": Rule('"", inductor or aot_eager', lambda value: value in ("", "inductor", "aot_eager")),
    "MODEL.HEAD.DROPOUT": number(0, 1),
    "MODEL.CLIP.HEADS": Rule("the heads of the image and of the text tower, such as (16, 16), or ()",
                             lambda value: not value or each(whole(1, 1000), 2).fits(value)),
    "MODEL.CLIP.ACTIVATION": Rule("one of quick_gelu, gelu, gelu_tanh, or '' if the weights need none",
                                  lambda value: value in ("", "quick_gelu", "gelu", "gelu_tanh")),
    "OPTIM.NAME": word("adam", "amsgrad", "sgd", "rmsprop", "radam", "adamw"),
    "OPTIM.LR": POSITIVE,
    "OPTIM.WEIGHT_DECAY": number(),
    "OPTIM.MOMENTUM": BELOW_ONE,
    "OPTIM.SGD_DAMPNING": number(0, 1),
    **dict.fromkeys(["OPTIM.RMSPROP_ALPHA", "OPTIM.ADAM_BETA1", "OPTIM.ADAM_BETA2"], BELOW_ONE),
    "OPTIM.BASE_LR_MULT": number(),
    "OPTIM.LR_SCHEDULER": word("single_step", "multi_step", "cosine"),
    "OPTIM.STEPSIZE": Rule("a list of epochs, such as (10, 20); (-1,) stands for MAX_EPOCH",
                           lambda value: len(value) > 0 and each(whole(-1)).fits(value)),
    "OPTIM.GAMMA": POSITIVE,
    "OPTIM.MAX_EPOCH": whole(1),
    "OPTIM.WARMUP_EPOCH": whole(-1),
    "OPTIM.WARMUP_TYPE": word("linear", "constant"),
    "OPTIM.WARMUP_CONS_LR": number(),
    "OPTIM.WARMUP_MIN_LR": number(),
    "TRAIN.CHECKPOINT_FREQ": whole(0),
    "TRAIN.TEXT_MEMORY_MB": whole(-1),
    "TRAIN.PRINT_FREQ": whole(1),
    "TRAIN.COUNT_ITER": word("train_x", "train_u", "smaller_one"),
    "TEST.FEATURE_CACHE_MB": whole(0),
    "TEST.SPLIT": word("test", "val"),
    "TEST.FINAL_MODEL": word("last_step", "best_val"),
    **dict.fromkeys([*(f"TRAINER.{node}.N_CTX" for node in ("COOP", "COCOOP", "MAPLE")),
                     *(f"TRAINER.{node}.N_CTX_VISION" for node in ("VPT", "IVLP", "PROMPTSRC")),
                     *(f"TRAINER.{node}.N_CTX_TEXT" for node in ("IVLP", "PROMPTSRC"))], PROMPT_LENGTH),
    "TRAINER.COOP.W": number(),
    "TRAINER.LINEARPROBE.C": Rule("a number from 1e-12 to 1e12, or 0 to choose it on validation images",
                                  lambda value: value == 0 or 1e-12 <= value <= 1e12),
    "TRAINER.PROMPTSRC.TEXT_LOSS_WEIGHT": whole(0),
    "TRAINER.PROMPTSRC.IMAGE_LOSS_WEIGHT": whole(0),
}


def check_values(cfg: CfgNode, instead: Mapping[str, str] | None = None) -> None:
    """Raise UserError for the first value that its rule does not allow.

    Args:
        instead: {key whose value, unless it is 0, takes the place of another key's: that key}.
    """
    values = flat_config(cfg)
    for key, value in values.items():
        check_value(key, value, RULES.get(key))
    for key, place in (instead or {}).items():
        if values[key]:
            check_value(key, values[key], RULES[place])
    if cfg.OPTIM.NAME == "sgd" and cfg.OPTIM.SGD_NESTEROV and (cfg.OPTIM.MOMENTUM == 0 or cfg.OPTIM.SGD_DAMPNING != 0):
        raise UserError(f"OPTIM.SGD_NESTEROV is True with OPTIM.MOMENTUM {cfg.OPTIM.MOMENTUM} and OPTIM.SGD_DAMPNING "
                        f"{cfg.OPTIM.SGD_DAMPNING}: it needs a momentum above 0 and no damping")


def check_value(key: str, value: Any, rule: Rule | None) -> None:
    rule = rule or Rule("a finite number", lambda _: True)
    if not all(map(bounded, value if isinstance(value, (list, tuple)) else [value])) or not rule.fits(value):
        raise UserError(f"{key} is {reprlib.repr(value)}: give {rule.text}")


def wanted(key: str, kind: type) -> str:
    """What to give a key whose default is of a type."""
    names = {bool: "True or False", int: "a whole number", float: "a number", str: "a text"}
    return RULES[key].text if key in RULES else names.get(kind, "a list")


def bounded(value: object) -> bool:
    return math.isfinite(value) if isinstance(value, float) else not isinstance(value, int) or -2**63 <= value < 2**63
