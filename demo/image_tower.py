"""Stage 1: the image tower, trained as a classifier of captions.

Contrastive training of both towers from scratch learns nothing in the time a CPU allows. A free table with one unit
vector per caption does: the tower learns to point at an icon's vector, and the text tower is fitted to the table.
"""
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F

from .augmentation import augmented_bank, colour, plain
from .pretraining_data import PretrainingData
from .schedule import learning_rate

MAX_SCALE = 50.0
CLASS_SHARE = 0.5  # of the images drawn, those whose caption is a class name
CLASSES_ONLY = 0.1  # of the training, the start, with no others: a hundred captions set learning off sooner than all


class CaptionClassifier(torch.nn.Module):
    """Cosine of image features with a free vector per caption, times a learned scale.

    Args:
        visual: CLIP's image tower, (n, 3, H, W) -> (n, embed_dim).
        captions: number of captions. embed_dim: width of the joint space.
    """

    def __init__(self, visual: torch.nn.Module, captions: int, embed_dim: int) -> None:
        super().__init__()
        self.visual = visual
        self.table = torch.nn.Parameter(torch.randn(captions, embed_dim) * embed_dim ** -0.5)
        self.log_scale = torch.nn.Parameter(torch.tensor(10.0).log())

    @property
    def scale(self) -> torch.Tensor:
        """The factor on the cosines, at most 50 so that the classifier stays soft enough to be tuned."""
        return self.log_scale.exp().clamp(max=MAX_SCALE)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """float (n, 3, H, W) -> logits float (n, captions)."""
        features = F.normalize(self.visual(images), dim=1)
        return self.scale * features @ F.normalize(self.table, dim=1).t()


def train(visual: torch.nn.Module, data: PretrainingData, embed_dim: int, *, samples: int, seed: int,
          class_captions: torch.Tensor, validation: tuple[torch.Tensor, torch.Tensor], batch_size: int = 256,
          peak: float = 2e-3, copies: int = 10, log: Callable[[str], None] = print
          ) -> tuple[torch.Tensor, float, float]:
    """Train the image tower and the caption table.

    Args:
        visual: the image tower, changed in place. samples: number of images to see in all.
        class_captions: indices of the captions that are class names of Pictograms.
        validation: (images uint8 (m, 64, 64), captions int64 (m,)) of other families, to watch the training.
        peak: the highest learning rate. copies: augmented copies per icon.

    Returns:
        (table float32 (captions, embed_dim) with unit rows, scale float, accuracy on validation in per cent)
    """
    generator = torch.Generator().manual_seed(seed)
    labels = torch.from_numpy(data.captions)
    bank = augmented_bank(torch.from_numpy(data.images), copies, generator)
    weights, class_weights = sampling_weights(labels, class_captions)

    model = CaptionClassifier(visual, len(data.texts), embed_dim)
    matrices = [p for p in model.parameters() if p.ndim >= 2 and p is not model.table]
    others = [p for p in model.parameters() if p.ndim < 2 or p is model.table]
    optimiser = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}],
        lr=peak, betas=(0.9, 0.98),
    )
    steps = samples // batch_size
    started = time.time()
    total = 0.0
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, steps, peak, warm_up=200)
        current = class_weights if step < CLASSES_ONLY * steps else weights
        chosen = torch.multinomial(current, batch_size, replacement=True, generator=generator)
        copy = torch.randint(copies, (batch_size,), generator=generator)
        logits = model(colour(bank[copy, chosen], painted_share(step / steps), generator))
        loss = F.cross_entropy(logits, labels[chosen], label_smoothing=0.05)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        total += loss.item()
        if (step + 1) % 100 == 0 or step + 1 == steps:
            accuracy = validate(model, class_captions, *validation)
            log(f"image tower: step {step + 1}/{steps}  loss {total / (step % 100 + 1):.3f}  "
                f"scale {model.scale.item():.1f}  val {accuracy:.1f} %  {time.time() - started:.0f} s")
            total = 0.0
    return F.normalize(model.table.detach(), dim=1), model.scale.item(), accuracy


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
