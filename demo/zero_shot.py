"""Zero-shot accuracy of a CLIP model on Pictograms, through its text tower."""
from pathlib import Path

import clip
import numpy as np
import torch
import torch.nn.functional as F
from clip.model import CLIP

from .archive import read_images, read_split_lists
from .augmentation import MEAN, STD


def load_split(path: Path, split: str) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
    """Images and labels of one split of the built archive.

    Returns:
        (float32 (n, 3, 64, 64) normalised as CLIP does, int64 (n,), class names in label order)
    """
    lists = read_split_lists(path)
    labels = torch.tensor([label for _, label, _ in lists[split]])
    names = dict(sorted({label: name for _, label, name in lists["train"]}.items()))
    images = torch.from_numpy(np.stack(list(read_images(path, split)))).permute(0, 3, 1, 2)
    return normalised(images), labels, list(names.values())


def normalised(images: torch.Tensor) -> torch.Tensor:
    """As CLIP takes them: uint8 (n, 3, H, W) -> float32, same shape."""
    return (images.float() / 255 - MEAN) / STD


@torch.no_grad()
def accuracies(model: CLIP, images: torch.Tensor, labels: torch.Tensor, class_names: list[str],
               template: str) -> dict[str, float]:
    """As ``of_features``, of images float32 (n, 3, H, W), normalised."""
    features = torch.cat([F.normalize(model.encode_image(part), dim=1) for part in images.split(256)])
    return of_features(model, features, labels, class_names, template)


@torch.no_grad()
def of_features(model: CLIP, features: torch.Tensor, labels: torch.Tensor, class_names: list[str],
                template: str) -> dict[str, float]:
    """Accuracy over all classes, and within the first (base) and second (new) half of the classes.

    Args:
        model: a CLIP. features: of images, float32 (n, embed_dim), normalised. labels: int64 (n,).
        class_names: in label order. template: of the prompts, with {} for the class name.

    Returns:
        per cents: "all", "base", "new", and "h", the harmonic mean of the last two.
    """
    text = F.normalize(model.encode_text(clip.tokenize([template.format(name) for name in class_names])), dim=1)
    logits = features @ text.t()
    base = (len(class_names) + 1) // 2
    is_base = labels < base
    result = {
        "all": _per_cent(logits.argmax(dim=1) == labels),
        "base": _per_cent(logits[is_base, :base].argmax(dim=1) == labels[is_base]),
        "new": _per_cent(logits[~is_base, base:].argmax(dim=1) + base == labels[~is_base]),
    }
    result["h"] = round(2 * result["base"] * result["new"] / max(1e-9, result["base"] + result["new"]), 1)
    return result


def _per_cent(correct: torch.Tensor) -> float:
    return round(correct.float().mean().item() * 100, 1)
