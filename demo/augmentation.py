"""Augmented copies of grey icons: geometry and stroke weight beforehand, colours batch by batch.

Drawing the geometry anew for every batch would halve the training speed on a CPU, so a bank of copies is made once.
"""
import torch
import torch.nn.functional as F

ROTATION = 0.12  # radians, at most
SCALE = (0.8, 1.2)
SHIFT = 0.08  # of the image's side, at most
FLIP = 0.3
STROKE = 0.15  # chance of a thicker stroke, and of a thinner one
# CLIP's image statistics, with which the finished model's inputs are normalised.
MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(3, 1, 1)
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(3, 1, 1)


def augmented_bank(images: torch.Tensor, copies: int, generator: torch.Generator, chunk: int = 4096) -> torch.Tensor:
    """Random copies of every icon.

    Args:
        images: uint8 (n, H, W), grey, dark on white. copies: copies per icon; the first one is the icon itself.

    Returns:
        uint8 (copies, n, H, W): amounts of ink, 255 is black.
    """
    bank = torch.empty((copies, *images.shape), dtype=torch.uint8)
    for start in range(0, len(images), chunk):
        ink = 1 - images[start:start + chunk].float().unsqueeze(1) / 255
        bank[0, start:start + chunk] = (ink[:, 0] * 255).round().to(torch.uint8)
        for copy in range(1, copies):
            moved = _move(_restroke(ink, generator), generator)
            bank[copy, start:start + chunk] = (moved[:, 0] * 255).round().to(torch.uint8)
    return bank


def _restroke(ink: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Thicken some strokes by about a pixel and thin others. float (n, 1, H, W) -> same."""
    choice = torch.rand(len(ink), 1, 1, 1, generator=generator)
    thick = F.max_pool2d(ink, 3, 1, 1)
    # Thinning would wipe out hairlines: half of the drawing stays.
    thin = 0.5 * ink - 0.5 * F.max_pool2d(-ink, 3, 1, 1)
    return torch.where(choice < STROKE, thick, torch.where(choice > 1 - STROKE, thin, ink))


def _move(ink: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Rotate, scale, stretch, shift and flip. float (n, 1, H, W) -> same."""
    def uniform(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(len(ink), generator=generator)

    angle, scale = uniform(-ROTATION, ROTATION), uniform(*SCALE)
    stretch = uniform(-0.08, 0.08)
    flip = torch.where(uniform(0, 1) < FLIP, -1.0, 1.0)
    cos, sin = angle.cos() / scale, angle.sin() / scale
    matrix = torch.stack([
        torch.stack([flip * cos * (1 + stretch), -sin, uniform(-2 * SHIFT, 2 * SHIFT)], dim=1),
        torch.stack([flip * sin, cos * (1 - stretch), uniform(-2 * SHIFT, 2 * SHIFT)], dim=1),
    ], dim=1)
    return F.grid_sample(ink, F.affine_grid(matrix, list(ink.shape), align_corners=False), align_corners=False)


def colour(ink: torch.Tensor, share: float, generator: torch.Generator) -> torch.Tensor:
    """Paint some images in random colours on random paper, the others black on white; normalise as CLIP does.

    Of the painted ones half take grey levels, half colours, and a tenth swap pen and paper.

    Args:
        ink: uint8 (n, H, W). share: fraction of images to paint.

    Returns:
        float32 (n, 3, H, W).
    """
    count = len(ink)
    painted = torch.rand(count, 1, generator=generator) < share
    in_grey = torch.rand(count, 1, generator=generator) < 0.5
    pen = 0.7 * torch.rand(count, 3, generator=generator)
    paper = 1 - 0.25 * torch.rand(count, 3, generator=generator) ** 2
    pen = torch.where(painted, torch.where(in_grey, pen[:, :1], pen), torch.zeros(1))
    paper = torch.where(painted, torch.where(in_grey, paper[:, :1], paper), torch.ones(1))
    swapped = painted & (torch.rand(count, 1, generator=generator) < 0.1)
    pen, paper = torch.where(swapped, paper, pen), torch.where(swapped, pen, paper)
    # (paper + amount * (pen - paper) - mean) / std, with the constants folded per image and channel.
    gain = ((pen - paper).view(count, 3, 1, 1) / STD) / 255
    offset = (paper.view(count, 3, 1, 1) - MEAN) / STD
    return torch.addcmul(offset, ink.unsqueeze(1).float(), gain)


def plain(images: torch.Tensor) -> torch.Tensor:
    """Normalise grey icons without augmentation. uint8 (n, H, W) -> float32 (n, 3, H, W)."""
    return (images.unsqueeze(1).float() / 255 - MEAN) / STD
