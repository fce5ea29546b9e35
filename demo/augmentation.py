"""Augmented copies of grey icons: geometry and stroke weight beforehand, styles and colours batch by batch.

Drawing the geometry anew for every batch would halve the training speed on a CPU, so a bank of copies is made once.
"""
from collections.abc import Callable

import torch
import torch.nn.functional as F

from .styles import INDEX

STROKE = 0.15  # chance of a thicker stroke, and of a thinner one
CORE = 0.25  # of an icon's ink, how much must lie two pixels inside for the icon to count as filled
STYLE_SHARES = {"chalk": 0.22, "dark": 0.08, "contour": 0.12, "colour": 0.25}  # the rest is print
# CLIP's image statistics, with which the finished model's inputs are normalised.
MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(3, 1, 1)
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(3, 1, 1)
Views = Callable[[int, torch.Generator], torch.Tensor]
"""(count, generator) -> float (count, 2, 3): the part of an image that each view shows, as ``affine_grid`` has it."""


def augmented_bank(images: torch.Tensor, copies: int, views: Views, generator: torch.Generator,
                   chunk: int = 4096) -> torch.Tensor:
    """Random copies of every icon.

    Args:
        images: uint8 (n, H, W), grey, dark on white. copies: copies per icon; the first one is the icon itself.

    Returns:
        uint8 (copies, n, H, W): amounts of ink, 255 is black.
    """
    bank = torch.empty((copies, *images.shape), dtype=torch.uint8)
    for start in range(0, len(images), chunk):
        ink = amount_of_ink(images[start:start + chunk])
        bank[0, start:start + chunk] = (ink[:, 0] * 255).round().to(torch.uint8)
        for copy in range(1, copies):
            drawn = _restroke(ink, generator)
            grid = F.affine_grid(views(len(ink), generator), list(ink.shape), align_corners=False)
            moved = F.grid_sample(drawn, grid, align_corners=False)
            bank[copy, start:start + chunk] = (moved[:, 0] * 255).round().to(torch.uint8)
    return bank


def amount_of_ink(images: torch.Tensor) -> torch.Tensor:
    """uint8 (n, H, W), dark on white -> float32 (n, 1, H, W), 1 is black."""
    return 1 - images.float().unsqueeze(1) / 255


def _restroke(ink: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Thicken some strokes by about a pixel and thin others. float (n, 1, H, W) -> same."""
    choice = torch.rand(len(ink), 1, 1, 1, generator=generator)
    thick = F.max_pool2d(ink, 3, 1, 1)
    # Thinning would wipe out hairlines: half of the drawing stays.
    thin = 0.5 * ink - 0.5 * F.max_pool2d(-ink, 3, 1, 1)
    return torch.where(choice < STROKE, thick, torch.where(choice > 1 - STROKE, thin, ink))


def whole_views(count: int, generator: torch.Generator) -> torch.Tensor:
    """The whole icon, a little turned, scaled, stretched and moved; three in ten flipped."""
    angle, scale = _uniform(count, -0.12, 0.12, generator), _uniform(count, 0.8, 1.2, generator)
    stretch = _uniform(count, -0.08, 0.08, generator)
    across, down = _uniform(count, -0.16, 0.16, generator), _uniform(count, -0.16, 0.16, generator)
    return _window((1 + stretch) / scale, (1 - stretch) / scale, angle, across, down, 0.3, generator)


def cropped_views(count: int, generator: torch.Generator) -> torch.Tensor:
    """What training crops show: three in four are a part of 42 to 100 % of the area, half are flipped."""
    angle = _uniform(count, -0.15, 0.15, generator)
    area = _uniform(count, 0.42, 1, generator)
    whole = _uniform(count, 0.75, 1.05, generator)
    side = torch.where(_uniform(count, 0, 1, generator) < 0.25, 1 / whole, area.sqrt())
    aspect = _uniform(count, -0.28, 0.28, generator).exp().sqrt()  # the square root of the ratio of the sides
    width, height = side * aspect, side / aspect
    # A window inside the icon lies anywhere in it; a larger one moves by a few pixels.
    across, down = (_uniform(count, -1, 1, generator) * torch.where(edge < 1, 1 - edge, 0.12)
                    for edge in (width, height))
    return _window(width, height, angle, across, down, 0.5, generator)


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> torch.Tensor:
    return low + (high - low) * torch.rand(count, generator=generator)


def _window(width: torch.Tensor, height: torch.Tensor, angle: torch.Tensor, across: torch.Tensor, down: torch.Tensor,
            flips: float, generator: torch.Generator) -> torch.Tensor:
    """Views of a window of the icon: all float (n,), 1 is the icon's side, angles in radians -> float (n, 2, 3)."""
    flip = torch.where(_uniform(len(angle), 0, 1, generator) < flips, -1.0, 1.0)
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([torch.stack([flip * width * cos, -height * sin, across], dim=1),
                        torch.stack([flip * width * sin, height * cos, down], dim=1)], dim=1)


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
    return painted_on(ink.float().unsqueeze(1) / 255, pen, paper)


def painted_on(ink: torch.Tensor, pen: torch.Tensor, paper: torch.Tensor) -> torch.Tensor:
    """Ink float (n, 1, H, W) from 0 to 1, in colours RGB float (n, 3), as CLIP's inputs: float32 (n, 3, H, W)."""
    # (paper + amount * (pen - paper) - mean) / std, with the constants folded per image and channel.
    gain = (pen - paper).view(-1, 3, 1, 1) / STD
    return torch.addcmul((paper.view(-1, 3, 1, 1) - MEAN) / STD, ink, gain)


def is_filled(images: torch.Tensor) -> torch.Tensor:
    """Whether icons are areas rather than lines, by the ink that lies inside: uint8 (n, H, W) -> bool (n,)."""
    ink = torch.cat([amount_of_ink(part) for part in images.split(4096)])
    core = torch.cat([-F.max_pool2d(-part, 5, 1, 2) for part in ink.split(4096)])
    return core.sum((1, 2, 3)) / ink.sum((1, 2, 3)).clamp(min=1) > CORE


def contour(ink: torch.Tensor) -> torch.Tensor:
    """How much the ink differs among a pixel and its neighbours: float (n, 1, H, W) -> same."""
    return F.max_pool2d(ink, 3, 1, 1) + F.max_pool2d(-ink, 3, 1, 1)


def in_styles(ink: torch.Tensor, filled: torch.Tensor, generator: torch.Generator
              ) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw each icon in a style: STYLE_SHARES says how often, the others are print (outline or filled).

    Args:
        ink: uint8 (n, H, W). filled: bool (n,), of the icons.

    Returns:
        (images float32 (n, 3, H, W), normalised as CLIP does; styles int64 (n,), as in styles.INDEX)
    """
    def random(*shape: int) -> torch.Tensor:
        return torch.rand(len(ink), *shape, generator=generator)

    style = torch.where(filled, INDEX["filled"], INDEX["outline"])
    chance, reached = random(), 0.0
    for name, share in STYLE_SHARES.items():
        style = torch.where((chance >= reached) & (chance < reached + share), INDEX[name], style)
        reached += share
    of = {name: (style == index).unsqueeze(1) for name, index in INDEX.items()}

    in_grey = random(1) < 0.5
    pen = 0.5 * random(3) * (random(1) < 0.4)
    pen = torch.where(in_grey, pen[:, :1], pen)
    paper = 1 - 0.2 * random(3) ** 2
    pen = torch.where(of["colour"], 0.8 * random(3), pen)
    pen = torch.where(of["dark"], 1 - 0.2 * random(3) * in_grey, pen)
    paper = torch.where(of["dark"], 0.2 * random(3) * in_grey, paper)
    pen = torch.where(of["chalk"], 1 - 0.2 * random(3), pen)
    paper = torch.where(of["chalk"], 0.06 + 0.26 * random(3), paper)

    amount = ink.float().unsqueeze(1) / 255
    lined = torch.nonzero((of["contour"] | of["chalk"])[:, 0])[:, 0]
    amount[lined] = _lines(amount[lined], of["chalk"][lined], generator)
    return painted_on(amount, pen, paper), style


def _lines(ink: torch.Tensor, chalk: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Contours in place of areas; with ``chalk``, bool (n, 1), grainy ones on faint areas. float (n, 1, H, W)."""
    def random(height: int = 1, width: int = 1) -> torch.Tensor:
        return torch.rand(len(ink), 1, height, width, generator=generator)

    lines, faint = contour(ink), 0.5 * random() * ink
    strength = 0.7 + 0.3 * random()
    grain = 1 - (0.2 + 0.5 * random()) * random(*ink.shape[2:])
    return torch.where(chalk[:, :, None, None], torch.maximum(lines * strength, faint) * grain, lines)


def plain(images: torch.Tensor) -> torch.Tensor:
    """Normalise grey icons without augmentation. uint8 (n, H, W) -> float32 (n, 3, H, W)."""
    return (images.unsqueeze(1).float() / 255 - MEAN) / STD
