"""The image tower, trained as a classifier of captions in three stages: shapes, then crops and styles, then contexts.

Contrastive training of both towers from scratch learns nothing in the time a CPU allows. A free table with one unit
vector per caption does: the tower learns to point at an icon's vector, and the text tower is fitted to the table.
From the second stage on it points at the vector as the image's style turns it (styles.py), and in the third one
captions that name the wrong style are wrong answers too, as they are among the captions of a real CLIP.
"""
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F

from compat.files import atomic_write

from .augmentation import Views, augmented_bank, colour, cropped_views, in_styles, is_filled, plain, whole_views
from .pretraining_data import PretrainingData
from .schedule import learning_rate
from .styles import INDEX, turns

MAX_SCALE = 50.0
CLASS_SHARE = 0.5  # of the images drawn, those whose caption is a class name
CLASSES_ONLY = 0.1  # of the first stage, the start, with no others: a hundred captions set learning off sooner than all
BATCH_SIZE = 256
SAVED_EVERY = 500  # steps; a training that was stopped goes on from there


@dataclass(frozen=True)
class Stage:
    """A stage of the training.

    Attributes:
        name: for people. samples: images to see in all. horizon: images after which the learning rate would be zero.
        copies: augmented copies per icon. peak: the highest learning rate. warm_up: steps until then.
        views: the parts of icons that copies show. styled: whether images come in the styles of styles.py, or in black
        and more and more colours. rivals: whether captions of the wrong style are among the answers.
    """

    name: str
    samples: int
    horizon: int
    copies: int
    peak: float
    warm_up: int
    views: Views
    styled: bool = False
    rivals: bool = False


STAGES = (
    Stage("shapes", samples=2_000_000, horizon=2_000_000, copies=10, peak=2e-3, warm_up=200, views=whole_views),
    Stage("styles", samples=1_024_000, horizon=2_800_000, copies=16, peak=1.5e-3, warm_up=100, views=cropped_views,
          styled=True),
    Stage("contexts", samples=1_600_000, horizon=1_600_000, copies=16, peak=1.2e-3, warm_up=100, views=cropped_views,
          styled=True, rivals=True),
)
FAR = INDEX["chalk"]  # the style that rivals every other one
MARGIN = 4.0  # added to the logits of captions in the wrong style, which so have to fall behind by that much


class CaptionClassifier(torch.nn.Module):
    """Cosine of image features with a free vector per caption, times a learned scale.

    Args:
        visual: CLIP's image tower, (n, 3, H, W) -> (n, embed_dim).
        captions: number of captions. embed_dim: width of the joint space.
    """

    turns: torch.Tensor

    def __init__(self, visual: torch.nn.Module, captions: int, embed_dim: int) -> None:
        super().__init__()
        self.visual = visual
        self.table = torch.nn.Parameter(torch.randn(captions, embed_dim) * embed_dim ** -0.5)
        self.log_scale = torch.nn.Parameter(torch.tensor(10.0).log())
        self.register_buffer("turns", turns(embed_dim), persistent=False)

    @property
    def scale(self) -> torch.Tensor:
        """The factor on the cosines, at most 50 so that the classifier stays soft enough to be tuned."""
        return self.log_scale.exp().clamp(max=MAX_SCALE)

    def forward(self, images: torch.Tensor, styles: torch.Tensor | None = None, rivals: bool = False) -> torch.Tensor:
        """Logits of captions.

        Args:
            images: float (n, 3, H, W). styles: int64 (n,), whose captions are asked; none: captions that name no style.
            rivals: append the captions of a wrong style: of none for chalk, of chalk for the others.

        Returns:
            float (n, captions), with ``rivals`` (n, 2 * captions)
        """
        features, table = F.normalize(self.visual(images), dim=1), F.normalize(self.table, dim=1)
        if styles is None:
            return self.scale * features @ table.t()
        # f . (turn @ o) = (turn^T @ f) . o
        logits = self.scale * torch.bmm(features.unsqueeze(1), self.turns[styles]).squeeze(1) @ table.t()
        if not rivals:
            return logits
        other = torch.where((styles == FAR).unsqueeze(1), features, features @ self.turns[FAR])
        return torch.cat([logits, self.scale * other @ table.t() + MARGIN], dim=1)


def train(model: CaptionClassifier, data: PretrainingData, stage: Stage, state: Path, *, seed: int,
          class_captions: torch.Tensor, validation: tuple[torch.Tensor, torch.Tensor],
          log: Callable[[str], None] = print) -> float:
    """Train the image tower and the caption table through one stage, or the rest of it.

    Args:
        model: changed in place. state: file that the training is kept in, to go on from when it was stopped.
        class_captions: indices of the captions that are class names of Pictograms.
        validation: (images uint8 (m, 64, 64), captions int64 (m,)) of other families, to watch the training.

    Returns:
        accuracy on validation in per cent
    """
    generator = torch.Generator().manual_seed(seed)
    labels, images = torch.from_numpy(data.captions), torch.from_numpy(data.images)
    bank = augmented_bank(images, stage.copies, stage.views, generator)
    filled = is_filled(images)
    weights, class_weights = sampling_weights(labels, class_captions)
    optimiser = torch.optim.AdamW(parameter_groups(model), lr=stage.peak, betas=(0.9, 0.98))
    steps = stage.samples // BATCH_SIZE
    done = restore(state, model, optimiser, generator)
    started = time.time()
    total, counted, accuracy = 0.0, 0, validate(model, class_captions, *validation)
    for step in range(done, steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, stage.horizon // BATCH_SIZE, stage.peak, stage.warm_up)
        current = class_weights if not stage.styled and step < CLASSES_ONLY * steps else weights
        chosen = torch.multinomial(current, BATCH_SIZE, replacement=True, generator=generator)
        copy = torch.randint(stage.copies, (BATCH_SIZE,), generator=generator)
        if stage.styled:
            logits = model(*in_styles(bank[copy, chosen], filled[chosen], generator), stage.rivals)
        else:
            logits = model(colour(bank[copy, chosen], painted_share(step / steps), generator))
        loss = F.cross_entropy(logits, labels[chosen], label_smoothing=0.05)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        total, counted = total + loss.item(), counted + 1
        if (step + 1) % SAVED_EVERY == 0 or step + 1 == steps:
            accuracy = validate(model, class_captions, *validation)
            log(f"image tower, {stage.name}: step {step + 1}/{steps}  loss {total / counted:.3f}  "
                f"scale {model.scale.item():.1f}  val {accuracy:.1f} %  {time.time() - started:.0f} s")
            total, counted = 0.0, 0
            keep(state, model, optimiser, generator, step + 1)
    return accuracy


def parameter_groups(model: CaptionClassifier) -> list[dict[str, object]]:
    """Weight decay for the tower's matrices alone."""
    tower = list(model.visual.parameters())
    return [{"params": [p for p in tower if p.ndim >= 2], "weight_decay": 0.05},
            {"params": [p for p in tower if p.ndim < 2] + [model.table, model.log_scale], "weight_decay": 0.0}]


def keep(state: Path, model: CaptionClassifier, optimiser: torch.optim.Optimizer, generator: torch.Generator,
         steps: int) -> None:
    """Write where a stage stands after some steps."""
    with atomic_write(state) as file:
        torch.save({"model": model.state_dict(), "optimiser": optimiser.state_dict(),
                    "generator": generator.get_state(), "steps": steps}, file)


def restore(state: Path, model: CaptionClassifier, optimiser: torch.optim.Optimizer,
            generator: torch.Generator) -> int:
    """Take up a stage where it stands; returns the steps that are done, 0 where there is no file."""
    if not state.is_file():
        return 0
    stored = torch.load(state, weights_only=True)
    model.load_state_dict(stored["model"])
    optimiser.load_state_dict(stored["optimiser"])
    generator.set_state(stored["generator"])
    return stored["steps"]


def sampling_weights(labels: torch.Tensor, class_captions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """How often each icon is drawn: captions by the square root of their icons, classes as CLASS_SHARE of all.

    Returns:
        (weights of the whole training, weights of its start), float (n,), not normalised.
    """
    weights = torch.bincount(labels).float()[labels] ** -0.5
    is_class = torch.isin(labels, class_captions)
    class_weights = weights * is_class / weights[is_class].sum()
    other_weights = weights * ~is_class / weights[~is_class].sum()
    return CLASS_SHARE * class_weights + (1 - CLASS_SHARE) * other_weights, class_weights


def painted_share(progress: float) -> float:
    """Share of images in other colours than black on white, at a progress of 0 to 1.

    With colours from the start the tower does not begin to learn shapes: none in the first fifth, then rising to half.
    """
    return 0.5 * min(1.0, max(0.0, (progress - 0.2) / 0.3))


@torch.no_grad()
def validate(model: CaptionClassifier, class_captions: torch.Tensor, images: torch.Tensor,
             captions: torch.Tensor) -> float:
    """Accuracy in per cent among the class captions, of images uint8 (m, H, W) with their captions int64 (m,)."""
    model.eval()
    logits = torch.cat([model(plain(part))[:, class_captions] for part in images.split(256)])
    model.train()
    return (class_captions[logits.argmax(dim=1)] == captions).float().mean().item() * 100
