"""Logistic regression on features, its regularisation chosen on validation images; scikit-learn does the fitting.

The search is that of the CLIP paper (Radford et al., https://arxiv.org/abs/2103.00020, appendix A.3): C from 1e-6 to
1e6, at every second power of ten first, then at both sides of the best so far, in steps that are halved down to an
eighth of a power of ten. L-BFGS, at most 1,000 iterations.
"""
import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from compat.errors import UserError

MOST_ITERATIONS = 1000
LARGEST, COARSE, FINER = 48, 16, (8, 4, 2, 1)  # of log10 C, in eighths: the range, steps of the grid and of the search


class Labelled(NamedTuple):
    """Features float32 (images, dimension) with their labels int64 (images,), on the CPU."""

    features: torch.Tensor
    labels: torch.Tensor


@dataclass(frozen=True)
class Fit:
    """A fitted classifier, whose logits are ``features @ weight.T + bias``.

    Attributes:
        c: inverse strength of the L2 regularisation, as scikit-learn counts it: over the sum of the images' losses.
        weight: float64 (classes, dimension). bias: float64 (classes,). converged: before the iterations ran out.
    """

    c: float
    weight: torch.Tensor
    bias: torch.Tensor
    converged: bool

    def score(self, images: Labelled) -> tuple[float, float]:
        """(accuracy in per cent, mean cross-entropy) on some images."""
        logits = images.features.double() @ self.weight.t() + self.bias
        right = (logits.argmax(dim=1) == images.labels).double().mean()
        return 100 * right.item(), F.cross_entropy(logits, images.labels).item()


def fit(images: Labelled, c: float) -> Fit:
    """The classifier with some C; each class, 0, 1, ..., has to have an image.

    Raises:
        UserError: scikit-learn is not installed.
    """
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise UserError(f"a linear probe needs the package scikit-learn ({error}): pip install -r requirements.txt"
                        ) from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of few images, and of the iterations, which are counted
        found = LogisticRegression(C=c, max_iter=MOST_ITERATIONS).fit(
            images.features.double().numpy(), images.labels.numpy())
    weight, bias = found.coef_, found.intercept_
    if len(weight) == 1:  # of two classes, scikit-learn gives the difference of their logits
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return Fit(c, torch.from_numpy(weight), torch.from_numpy(bias), int(max(found.n_iter_)) < MOST_ITERATIONS)


def chosen_fit(train: Labelled, val: Labelled) -> Fit:
    """The classifier whose C is right on most validation images; of several such, that with the least loss on them."""
    fits: dict[int, tuple[float, float, Fit]] = {}

    def best() -> int:
        return max(fits, key=lambda eighths: fits[eighths][:2])

    def attempt(eighths: int) -> None:
        if abs(eighths) <= LARGEST:
            found = fit(train, 10 ** (eighths / 8))
            accuracy, loss = found.score(val)
            fits[eighths] = accuracy, -loss, found

    for eighths in range(-LARGEST, LARGEST + 1, COARSE):
        attempt(eighths)
    for step in FINER:
        middle = best()
        attempt(middle - step)
        attempt(middle + step)
    accuracy, _, found = fits[best()]
    stopped = sum(not one.converged for *_, one in fits.values())
    print(f"C {found.c:.3g}, of {len(fits)}, has the best accuracy on {len(val.labels):,} validation images: "
          f"{accuracy:.1f} %" + (f"; {stopped} fits ended at {MOST_ITERATIONS:,} iterations" if stopped else ""))
    return found
