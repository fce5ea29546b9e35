"""Zero-shot accuracy of a CLIP model on Pictograms, through its text tower."""

import io
import json
import zipfile

import clip
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from .archive import SPLIT_FILE
from .augmentation import MEAN, STD


def load_split(path, split):
    """Images and labels of one split of the built archive.

    Returns:
        (float32 (n, 3, 64, 64) normalised as CLIP does, int64 (n,), list of class names in label order)
    """
    images, labels = [], []
    with zipfile.ZipFile(path) as archive:
        lists = json.loads(archive.read(SPLIT_FILE))
        for name, label, _ in lists[split]:
            picture = Image.open(io.BytesIO(archive.read(f"images/{name}"))).convert("RGB")
            images.append(torch.from_numpy(np.array(picture)).permute(2, 0, 1))
            labels.append(label)
    names = dict(sorted({label: name for _, label, name in lists["train"]}.items()))
    pixels = torch.stack(images).float() / 255
    return (pixels - MEAN) / STD, torch.tensor(labels), list(names.values())


@torch.no_grad()
def accuracies(model, images, labels, class_names, template):
    """Accuracy over all classes, and within the first (base) and second (new) half of the classes.

    Returns:
        dict of per cents: "all", "base", "new" and "h", the harmonic mean of the last two.
    """
    text = F.normalize(model.encode_text(clip.tokenize([template.format(name) for name in class_names])), dim=1)
    features = torch.cat([F.normalize(model.encode_image(part), dim=1) for part in images.split(256)])
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


def _per_cent(correct):
    return round(correct.float().mean().item() * 100, 1)
