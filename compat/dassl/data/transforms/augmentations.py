"""Augmentations that torchvision does not have. Image tensors are float32 (channels, height, width)."""
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as TF


class Random2DTranslation:
    """Resize a PIL image, with probability ``p`` to 9/8 of the size and then crop at random."""

    def __init__(self, height: int, width: int, p: float = 0.5,
                 interpolation: InterpolationMode = InterpolationMode.BILINEAR) -> None:
        self.height, self.width, self.p, self.interpolation = height, width, p, interpolation

    def __call__(self, image: Image.Image) -> Image.Image:
        if torch.rand(()) >= self.p:
            return TF.resize(image, [self.height, self.width], self.interpolation)
        height, width = round(self.height * 1.125), round(self.width * 1.125)
        image = TF.resize(image, [height, width], self.interpolation)
        top = int(torch.randint(height - self.height + 1, ()))
        left = int(torch.randint(width - self.width + 1, ()))
        return TF.crop(image, top, left, self.height, self.width)


class Cutout:
    """Set ``n_holes`` random squares of side ``length`` of an image tensor to 0."""

    def __init__(self, n_holes: int = 1, length: int = 16) -> None:
        self.n_holes, self.length = n_holes, length

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        image = image.clone()
        height, width = image.shape[1:]
        for _ in range(self.n_holes):
            top = int(torch.randint(height, ())) - self.length // 2
            left = int(torch.randint(width, ())) - self.length // 2
            image[:, max(top, 0):max(top + self.length, 0), max(left, 0):max(left + self.length, 0)] = 0
        return image


class GaussianNoise:
    """Add normal noise to an image tensor with probability ``p``."""

    def __init__(self, mean: float = 0.0, std: float = 0.15, p: float = 0.5) -> None:
        self.mean, self.std, self.p = mean, std, p

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        if torch.rand(()) >= self.p:
            return image
        return image + torch.randn_like(image) * self.std + self.mean


class InstanceNormalization:
    """Bring each channel of an image tensor to mean 0 and standard deviation 1."""

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        mean = image.mean(dim=(1, 2), keepdim=True)
        std = image.std(dim=(1, 2), keepdim=True)
        return (image - mean) / (std + 1e-8)
