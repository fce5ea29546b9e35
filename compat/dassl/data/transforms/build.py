"""Transforms of training and test images from a config's INPUT node."""
from collections.abc import Callable, Sequence
from typing import Any

import torch
from PIL import Image
from torchvision import transforms as T
from torchvision.transforms import AutoAugmentPolicy, InterpolationMode
from yacs.config import CfgNode

from compat.errors import UserError

from ...utils.registry import check_availability
from .augmentations import Cutout, GaussianNoise, InstanceNormalization, Random2DTranslation
from .on_device import ToPixels

INTERPOLATION_MODES = {
    "bilinear": InterpolationMode.BILINEAR,
    "bicubic": InterpolationMode.BICUBIC,
    "nearest": InterpolationMode.NEAREST,
}


Transform = Callable[[Image.Image], Any]  # usually to a float32 tensor (3, height, width)

# Makes a transform from (INPUT node, size, interpolation).
Maker = Callable[[CfgNode, tuple[int, int], InterpolationMode], Callable[[Any], Any]]

# By name; applied in this order, not in the config's.
ON_IMAGES: dict[str, Maker] = {
    "random_translation": lambda cfg, size, mode: Random2DTranslation(*size, interpolation=mode),
    "random_crop": lambda cfg, size, mode: T.RandomCrop(size, padding=cfg.CROP_PADDING),
    "random_resized_crop": lambda cfg, size, mode: T.RandomResizedCrop(size, cfg.RRCROP_SCALE, interpolation=mode),
    "center_crop": lambda cfg, size, mode: T.CenterCrop(size),
    "random_flip": lambda cfg, size, mode: T.RandomHorizontalFlip(),
    "imagenet_policy": lambda cfg, size, mode: T.AutoAugment(AutoAugmentPolicy.IMAGENET),
    "cifar10_policy": lambda cfg, size, mode: T.AutoAugment(AutoAugmentPolicy.CIFAR10),
    "svhn_policy": lambda cfg, size, mode: T.AutoAugment(AutoAugmentPolicy.SVHN),
    "randaugment": lambda cfg, size, mode: T.RandAugment(cfg.RANDAUGMENT_N, cfg.RANDAUGMENT_M),
    # FixMatch's variant draws a strength for each operation, which is what TrivialAugmentWide does once.
    "randaugment_fixmatch": lambda cfg, size, mode: T.Compose([T.TrivialAugmentWide()] * cfg.RANDAUGMENT_N),
    "randaugment2": lambda cfg, size, mode: T.Compose(
        [T.RandomApply([T.TrivialAugmentWide()], p=0.6)] * cfg.RANDAUGMENT_N),
    "colorjitter": lambda cfg, size, mode: T.ColorJitter(
        cfg.COLORJITTER_B, cfg.COLORJITTER_C, cfg.COLORJITTER_S, cfg.COLORJITTER_H),
    "randomgrayscale": lambda cfg, size, mode: T.RandomGrayscale(p=cfg.RGS_P),
    "gaussian_blur": lambda cfg, size, mode: T.RandomApply([T.GaussianBlur(cfg.GB_K)], p=cfg.GB_P),
}
ON_TENSORS: dict[str, Maker] = {
    "cutout": lambda cfg, size, mode: Cutout(cfg.CUTOUT_N, cfg.CUTOUT_LEN),
    "normalize": lambda cfg, size, mode: T.Normalize(mean=cfg.PIXEL_MEAN, std=cfg.PIXEL_STD),
    "gaussian_noise": lambda cfg, size, mode: GaussianNoise(cfg.GN_MEAN, cfg.GN_STD),
    "instance_norm": lambda cfg, size, mode: InstanceNormalization(),
}
TEST_ON_TENSORS = {name: ON_TENSORS[name] for name in ("normalize", "instance_norm")}
AVAI_CHOICES = [*ON_IMAGES, *ON_TENSORS]


def build_transform(cfg: CfgNode, is_train: bool = True,
                    choices: Sequence[str] | None = None) -> Callable[[Image.Image], torch.Tensor] | None:
    """Transform from a PIL image to a float32 tensor (3, height, width) of INPUT.SIZE.

    Training: the chosen ones in the order of the tables above, after a resize to INPUT.SIZE unless the images are
    cropped at random. Test: resize the shorter edge to the larger of INPUT.SIZE, centre crop, and ``normalize`` and
    ``instance_norm`` if chosen.

    Args:
        choices: names in AVAI_CHOICES; default INPUT.TRANSFORMS.

    Returns:
        The transform, or None with INPUT.NO_TRANSFORM. With INPUT.NORMALIZE_ON_DEVICE and no ``choices`` it ends
        in a uint8 tensor, and the trainer does the rest (``NormalizeOnDevice``).

    Raises:
        UnknownNameError: no such transform or interpolation. UserError: one that needs numbers before the device.
    """
    if cfg.INPUT.NO_TRANSFORM:
        return None
    on_device = cfg.INPUT.NORMALIZE_ON_DEVICE and choices is None
    choices = cfg.INPUT.TRANSFORMS if choices is None else choices
    for name in choices:
        check_availability(name, AVAI_CHOICES, what="INPUT.TRANSFORMS")
    check_availability(cfg.INPUT.INTERPOLATION, list(INTERPOLATION_MODES), what="INPUT.INTERPOLATION")
    size, mode = tuple(cfg.INPUT.SIZE), INTERPOLATION_MODES[cfg.INPUT.INTERPOLATION]

    def chosen(table: dict[str, Maker]) -> list[Callable[[Any], Any]]:
        return [make(cfg.INPUT, size, mode) for name, make in table.items() if name in choices]

    to_tensor: list[Callable[[Any], Any]] = [T.ToTensor(), *chosen(ON_TENSORS if is_train else TEST_ON_TENSORS)]
    if on_device:
        if others := [name for name in ON_TENSORS if name in choices and name != "normalize"]:
            raise UserError(f"INPUT.NORMALIZE_ON_DEVICE leaves images in uint8, which {', '.join(others)} cannot "
                            "change: set it to False, or take this out of INPUT.TRANSFORMS")
        to_tensor = [ToPixels(cfg.INPUT)]
    if is_train:
        cropped = "random_crop" in choices or "random_resized_crop" in choices
        steps: list[Callable[[Any], Any]] = [] if cropped else [T.Resize(size, interpolation=mode)]
        steps += [*chosen(ON_IMAGES), *to_tensor]
    else:
        steps = [T.Resize(max(size), interpolation=mode), T.CenterCrop(size), *to_tensor]
    if cfg.VERBOSE:
        print(f"{'train' if is_train else 'test'} transform: " + ", ".join(_describe(step) for step in steps))
    return T.Compose(steps)


def _describe(step: object) -> str:
    return " ".join(repr(step).split()) if type(step).__module__.startswith("torchvision") else type(step).__name__
