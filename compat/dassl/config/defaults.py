"""Every config key of the engine with its default; repositories add keys of their own."""
from yacs.config import CfgNode


def get_cfg_default() -> CfgNode:
    """A fresh yacs CfgNode with the defaults; the caller may add keys, merge and freeze it."""
    cfg = CfgNode()
    cfg.VERSION = 1
    cfg.OUTPUT_DIR = "./output"
    cfg.RESUME = ""  # folder of an earlier run whose newest checkpoint training goes on from
    cfg.SEED = -1  # negative: not fixed
    cfg.USE_CUDA = True  # also stands for MPS
    cfg.VERBOSE = True
    cfg.INPUT = _input()
    cfg.DATASET = _dataset()
    cfg.DATALOADER = _dataloader()
    cfg.MODEL = _model()
    cfg.OPTIM = _optim()

    cfg.TRAIN = CfgNode()
    cfg.TRAIN.CHECKPOINT_FREQ = 0  # save every so many epochs; 0: the last epoch only
    cfg.TRAIN.PRINT_FREQ = 10  # batches
    cfg.TRAIN.COUNT_ITER = "train_x"  # epoch length of TrainerXU: train_x, train_u or smaller_one
    cfg.TRAIN.SAVE_STATE = True  # rolling state that a stopped run goes on from exactly (not a key of Dassl's)

    cfg.TEST = CfgNode()
    cfg.TEST.EVALUATOR = "Classification"
    cfg.TEST.PER_CLASS_RESULT = False
    cfg.TEST.COMPUTE_CMAT = False  # confusion matrix, saved as cmat.pt
    cfg.TEST.NO_TEST = False
    cfg.TEST.SPLIT = "test"  # test or val
    cfg.TEST.FINAL_MODEL = "last_step"  # last_step or best_val

    cfg.TRAINER = CfgNode()
    cfg.TRAINER.NAME = ""
    return cfg


def clean_cfg(cfg: CfgNode, trainer: str) -> None:
    """Remove the config nodes of all trainers but the one named ``trainer``."""
    for key in list(cfg.TRAINER):
        if key not in ("NAME", trainer.upper()):
            del cfg.TRAINER[key]


def _input() -> CfgNode:
    node = CfgNode()
    node.SIZE = (224, 224)  # height, width
    node.INTERPOLATION = "bilinear"
    node.TRANSFORMS = ()  # names in dassl.data.transforms.AVAI_CHOICES
    node.NO_TRANSFORM = False
    node.PIXEL_MEAN = [0.485, 0.456, 0.406]
    node.PIXEL_STD = [0.229, 0.224, 0.225]
    node.CROP_PADDING = 4
    node.RRCROP_SCALE = (0.08, 1.0)
    node.CUTOUT_N = 1
    node.CUTOUT_LEN = 16
    node.GN_MEAN = 0.0  # Gaussian noise
    node.GN_STD = 0.15
    node.RANDAUGMENT_N = 2
    node.RANDAUGMENT_M = 10
    node.COLORJITTER_B = 0.4  # brightness, contrast, saturation, hue
    node.COLORJITTER_C = 0.4
    node.COLORJITTER_S = 0.4
    node.COLORJITTER_H = 0.1
    node.RGS_P = 0.2  # probability of random grey scale
    node.GB_P = 0.5  # Gaussian blur: probability, kernel size
    node.GB_K = 21
    return node


def _dataset() -> CfgNode:
    node = CfgNode()
    node.ROOT = ""
    node.NAME = ""
    node.SOURCE_DOMAINS = ()
    node.TARGET_DOMAINS = ()
    node.NUM_LABELED = -1
    node.NUM_SHOTS = -1
    node.VAL_PERCENT = 0.1
    node.ALL_AS_UNLABELED = False
    node.STL10_FOLD = -1
    node.CIFAR_C_TYPE = ""
    node.CIFAR_C_LEVEL = 1
    return node


def _dataloader() -> CfgNode:
    node = CfgNode()
    node.NUM_WORKERS = 4
    node.K_TRANSFORMS = 1  # augmented views of an image
    node.RETURN_IMG0 = False  # also give the image without augmentation
    node.TRAIN_X = CfgNode()
    node.TRAIN_X.SAMPLER = "RandomSampler"
    node.TRAIN_X.BATCH_SIZE = 32
    node.TRAIN_X.N_DOMAIN = 0
    node.TRAIN_X.N_INS = 16
    node.TRAIN_U = CfgNode()
    node.TRAIN_U.SAME_AS_X = True
    node.TRAIN_U.SAMPLER = "RandomSampler"
    node.TRAIN_U.BATCH_SIZE = 32
    node.TRAIN_U.N_DOMAIN = 0
    node.TRAIN_U.N_INS = 16
    node.TEST = CfgNode()
    node.TEST.SAMPLER = "SequentialSampler"
    node.TEST.BATCH_SIZE = 32
    return node


def _model() -> CfgNode:
    node = CfgNode()
    node.INIT_WEIGHTS = ""
    node.BACKBONE = CfgNode()
    node.BACKBONE.NAME = ""
    node.BACKBONE.PRETRAINED = True
    node.HEAD = CfgNode()
    node.HEAD.NAME = ""
    node.HEAD.HIDDEN_LAYERS = ()
    node.HEAD.ACTIVATION = "relu"
    node.HEAD.BN = True
    node.HEAD.DROPOUT = 0.0
    return node


def _optim() -> CfgNode:
    node = CfgNode()
    node.NAME = "adam"
    node.LR = 0.0003
    node.WEIGHT_DECAY = 5e-4
    node.MOMENTUM = 0.9
    node.SGD_DAMPNING = 0
    node.SGD_NESTEROV = False
    node.RMSPROP_ALPHA = 0.99
    node.ADAM_BETA1 = 0.9
    node.ADAM_BETA2 = 0.999
    node.STAGED_LR = False  # layers other than NEW_LAYERS learn at LR * BASE_LR_MULT
    node.NEW_LAYERS = ()
    node.BASE_LR_MULT = 0.1
    node.LR_SCHEDULER = "single_step"
    node.STEPSIZE = (-1,)  # epochs; -1 stands for MAX_EPOCH
    node.GAMMA = 0.1
    node.MAX_EPOCH = 10
    node.WARMUP_EPOCH = -1  # no warm-up unless positive
    node.WARMUP_TYPE = "linear"  # linear or constant
    node.WARMUP_CONS_LR = 1e-5
    node.WARMUP_MIN_LR = 1e-5
    node.WARMUP_RECOUNT = True  # the schedule after warm-up starts at its first epoch
    return node
