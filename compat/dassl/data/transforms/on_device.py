"""Images that travel as uint8 and are normalised on the device (INPUT.NORMALIZE_ON_DEVICE)."""
from typing import Any

import torch
from PIL import Image
from torchvision.transforms import functional as TF
from yacs.config import CfgNode


class ToPixels:
    """From a PIL image to uint8 (3, height, width), in the place of ``ToTensor`` and ``normalize``.

    Attributes:
        mean, std: what the device takes off and divides by, of numbers from 0 to 1; part of what the transform is.
    """

    def __init__(self, cfg: CfgNode) -> None:
        chosen = "normalize" in cfg.TRANSFORMS
        self.mean: list[float] = list(cfg.PIXEL_MEAN) if chosen else [0.0] * 3
        self.std: list[float] = list(cfg.PIXEL_STD) if chosen else [1.0] * 3

    def __call__(self, image: Image.Image) -> torch.Tensor:
        return TF.pil_to_tensor(image)

    def __repr__(self) -> str:
        return f"ToPixels(mean={self.mean}, std={self.std})"


class NormalizeOnDevice:
    """Moves images to a device, and makes of pixels what ``ToTensor`` and ``normalize`` make of them in a worker.

    The arithmetic is theirs: equal numbers on a CPU, and on a GPU to rounding.

    Args:
        cfg: the node INPUT.
    """

    def __init__(self, cfg: CfgNode, device: torch.device) -> None:
        self.device = device
        pixels = ToPixels(cfg)
        self.mean, self.std = (torch.tensor(values, device=device).view(3, 1, 1)
                               for values in (pixels.mean, pixels.std))

    def __call__(self, value: Any) -> Any:
        """Float32 images (..., 3, height, width) of uint8 ones, in lists too; everything else as it is."""
        if isinstance(value, list):
            return [self(part) for part in value]
        if not isinstance(value, torch.Tensor) or value.dtype is not torch.uint8:
            return value
        image = value.to(self.device, non_blocking=True).float()
        return image.div_(255).sub_(self.mean).div_(self.std)
