"""Every config key of the engine with its default; repositories add keys of their own."""
from typing import Any

from yacs.config import CfgNode

LOADER = {"BATCH_SIZE": 32, "N_DOMAIN": 0, "N_INS": 16}

DEFAULTS: dict[str, Any] = {
    "VERSION": 1,
    "OUTPUT_DIR": "./output",
    "RESUME": "",  # folder of an earlier run whose newest checkpoint training goes on from
    "SEED": -1,  # negative: not fixed
    "USE_CUDA": True,  # also stands for MPS
    "VERBOSE": True,
    "INPUT": {
        "SIZE": (224, 224),  # height, width
        "INTERPOLATION": "bilinear",
        "EXIF_ORIENTATION": False,  # turn images as their cameras say (not a key of Dassl's, which never does)
        "OVER_WHITE": False,  # lay transparent images over white (not a key of Dassl's, which drops transparency)
        "TRANSFORMS": (),  # names in dassl.data.transforms.AVAI_CHOICES
        "NO_TRANSFORM": False,
        "PIXEL_MEAN": [0.485, 0.456, 0.406],
        "PIXEL_STD": [0.229, 0.224, 0.225],
        "NORMALIZE_ON_DEVICE": False,  # images travel as uint8, a quarter of the bytes (not a key of Dassl's)
        "CROP_PADDING": 4,
        "RRCROP_SCALE": (0.08, 1.0),
        "CUTOUT_N": 1, "CUTOUT_LEN": 16,
        "GN_MEAN": 0.0, "GN_STD": 0.15,  # Gaussian noise
        "RANDAUGMENT_N": 2, "RANDAUGMENT_M": 10,
        "COLORJITTER_B": 0.4, "COLORJITTER_C": 0.4, "COLORJITTER_S": 0.4,  # brightness, contrast, saturation
        "COLORJITTER_H": 0.1,  # hue
        "RGS_P": 0.2,  # probability of random grey scale
        "GB_P": 0.5, "GB_K": 21,  # Gaussian blur: probability, kernel size
    },
    "DATASET": {
        "ROOT": "", "NAME": "",
        "SOURCE_DOMAINS": (), "TARGET_DOMAINS": (),
        "NUM_LABELED": -1, "NUM_SHOTS": -1,
        "VAL_PERCENT": 0.1,
        "ALL_AS_UNLABELED": False,
        "STL10_FOLD": -1, "CIFAR_C_TYPE": "", "CIFAR_C_LEVEL": 1,
    },
    "DATALOADER": {
        "NUM_WORKERS": 4,
        "K_TRANSFORMS": 1,  # augmented views of an image
        "RETURN_IMG0": False,  # also give the image without augmentation
        "TRAIN_X": {"SAMPLER": "RandomSampler", **LOADER},
        "TRAIN_U": {"SAME_AS_X": True, "SAMPLER": "RandomSampler", **LOADER},
        "TEST": {"SAMPLER": "SequentialSampler", "BATCH_SIZE": 32},
    },
    "MODEL": {
        "INIT_WEIGHTS": "",
        "BACKBONE": {"NAME": "", "PRETRAINED": True},
        "HEAD": {"NAME": "", "HIDDEN_LAYERS": (), "ACTIVATION": "relu", "BN": True, "DROPOUT": 0.0},
    },
    "OPTIM": {
        "NAME": "adam",
        "LR": 0.0003,
        "WEIGHT_DECAY": 5e-4,
        "MOMENTUM": 0.9, "SGD_DAMPNING": 0, "SGD_NESTEROV": False,
        "RMSPROP_ALPHA": 0.99, "ADAM_BETA1": 0.9, "ADAM_BETA2": 0.999,
        "STAGED_LR": False,  # layers other than NEW_LAYERS learn at LR * BASE_LR_MULT
        "NEW_LAYERS": (), "BASE_LR_MULT": 0.1,
        "LR_SCHEDULER": "single_step",
        "STEPSIZE": (-1,),  # epochs; -1 stands for MAX_EPOCH
        "GAMMA": 0.1,
        "MAX_EPOCH": 10,
        "WARMUP_EPOCH": -1,  # no warm-up unless positive
        "WARMUP_TYPE": "linear",  # linear or constant
        "WARMUP_CONS_LR": 1e-5, "WARMUP_MIN_LR": 1e-5,
        "WARMUP_RECOUNT": True,  # the schedule after warm-up starts at its first epoch
    },
    "TRAIN": {
        "CHECKPOINT_FREQ": 0,  # save every so many epochs; 0: the last epoch only
        "PRINT_FREQ": 10,  # batches
        "COUNT_ITER": "train_x",  # epoch length of TrainerXU: train_x, train_u or smaller_one
        "WANDB": "",  # project of Weights & Biases that curves go to as well; "": none (not a key of Dassl's)
        "SAVE_STATE": True,  # rolling state that a stopped run goes on from exactly (not a key of Dassl's)
    },
    "TEST": {
        "EVALUATOR": "Classification",
        "PER_CLASS_RESULT": False,
        "COMPUTE_CMAT": False,  # confusion matrix, saved as cmat.pt
        "NO_TEST": False,
        "SPLIT": "test",  # test or val
        "FINAL_MODEL": "last_step",  # last_step or best_val
    },
    "TRAINER": {"NAME": ""},
}


def get_cfg_default() -> CfgNode:
    """A fresh yacs CfgNode with the defaults; the caller may add keys, merge and freeze it."""
    return CfgNode(DEFAULTS)


def clean_cfg(cfg: CfgNode, trainer: str) -> None:
    """Remove the config nodes of all trainers but the one named ``trainer``."""
    for key in list(cfg.TRAINER):
        if key not in ("NAME", trainer.upper()):
            del cfg.TRAINER[key]
