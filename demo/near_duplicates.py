"""Near-duplicate drawings: what counts as the same drawing, and picking one of each."""
import numpy as np
import torch
from PIL import Image

from .drawing import ink

SIDE = 16
THRESHOLD = 0.035


def thumbnail(grey: np.ndarray) -> np.ndarray:
    """Ink of a drawing's bounding box, scaled to 16x16. uint8 (H, W) -> float32 (256,), fractions.

    Position, size and proportions do not count: two sets often draw the same shape with other margins.
    """
    amount = ink(grey)
    rows = np.flatnonzero((amount > 0.1).any(axis=1))
    columns = np.flatnonzero((amount > 0.1).any(axis=0))
    if len(rows) == 0:
        return np.zeros(SIDE * SIDE, dtype=np.float32)
    box = amount[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    return np.array(Image.fromarray(box).resize((SIDE, SIDE), Image.Resampling.BOX)).reshape(-1)


def pick_distinct(thumbnails: np.ndarray) -> list[int]:
    """Indices of drawings that differ from every drawing picked before, in order of preference.

    Args:
        thumbnails: float32 (n, 256), the preferred ones first.
    """
    picked: list[int] = []
    for index in range(len(thumbnails)):
        if not is_near(thumbnails[index:index + 1], thumbnails[picked])[0]:
            picked.append(index)
    return picked


def is_near(thumbnails: np.ndarray, others: np.ndarray, chunk: int = 512) -> np.ndarray:
    """Which drawings are near-duplicates (mean difference of ink under 0.035) of any of `others`.

    Args:
        thumbnails: float32 (n, 256). others: float32 (m, 256).

    Returns:
        bool (n,).
    """
    if len(others) == 0:
        return np.zeros(len(thumbnails), dtype=bool)
    known = torch.from_numpy(np.ascontiguousarray(others))
    near = [(torch.cdist(part, known, p=1).min(dim=1).values / known.shape[1] < THRESHOLD).numpy()
            for part in torch.from_numpy(np.ascontiguousarray(thumbnails)).split(chunk)]
    return np.concatenate(near) if near else np.zeros(0, dtype=bool)
