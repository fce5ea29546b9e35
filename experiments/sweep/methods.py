"""Methods and data sets of the tables, and which yaml file of configs/trainers/ a method uses where.

scripts/defaults.sh says the same for the bash scripts; a test compares the two.
"""
from pathlib import Path

from compat.errors import UserError

ROOT = Path(__file__).resolve().parent.parent.parent

ZERO_SHOT = "ZeroshotCLIP"
METHODS = (ZERO_SHOT, "CoOp", "CoOp_MAO", "MaPLe", "MaPLe_MAO", "PromptSRC", "PromptSRC_MAO")

# In the order of the paper's tables; names of files in configs/datasets/.
DATASETS = ("imagenet", "caltech101", "oxford_pets", "stanford_cars", "oxford_flowers", "food101", "fgvc_aircraft",
            "sun397", "dtd", "eurosat", "ucf101")
IMAGENET_VARIANTS = ("imagenetv2", "imagenet_sketch", "imagenet_a", "imagenet_r")
DEMO_SOURCE = "pictograms"

CROSS = "xd"  # settings of prompts that are tested on other data sets


def demo_targets(kind):
    """Names of the bundled test-only data sets: ``emoji`` (other classes) or ``pictograms`` (the same, other style)."""
    return tuple(sorted(path.stem for path in (ROOT / "configs" / "datasets").glob(f"{kind}_*.yaml")))


def is_bundled(dataset):
    """Whether a data set comes with the repository; the bundled small CLIP is the one for its 64x64 images."""
    return dataset.split("_")[0] in ("pictograms", "emoji")


def has_steps(method):
    return method.endswith("_MAO")


def setting(method, dataset, protocol=""):
    """Name of the setting of a method on a data set, without ``_base`` or ``_new`` of MAO's steps."""
    if is_bundled(dataset):
        return "mini"
    if method == ZERO_SHOT:
        return "vit_b16"
    tokens = "c2" if method.startswith("MaPLe") else "c4"
    epochs = "ep10" if has_steps(method) else "ep20"
    suffix = "_xd" if protocol == CROSS and not method.startswith("CoOp") else ""
    return f"vit_b16_{tokens}_{epochs}{suffix}"


def check_known(what, names, known):
    """Raise UserError for the first name that is not known."""
    for name in names:
        if name not in known:
            raise UserError(f"{what} {name!r} is unknown: choose from {', '.join(known)}")
