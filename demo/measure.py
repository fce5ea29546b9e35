"""What the bundled small CLIP knows: zero-shot accuracy, what training crops cost, what a better context would gain.

    python -m demo.measure [--weights FILE.npz]

Prints three tables in Markdown, for docs/appendix_bundled_data.md. Contexts are compared on validation images alone.
"""
import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from clip.model import CLIP
from torchvision.transforms import v2

from compat.errors import exit_code
from datasets.pictograms_styles import PictogramsFar

from . import weights, zero_shot
from .archive import read_images, read_split_lists
from .building import DATASETS
from .mini_clip import SIZES

ASSETS = DATASETS.parent / "trainers" / "prompting" / "assets"
PICTOGRAMS = DATASETS / "pictograms" / "pictograms.zip"
DEFAULT = "a pictogram of a {}."
KINDS = ("", "outline ", "filled ", "solid ", "colour ", "dark ", "contour ", "edge ", "chalk ", "white ", "small ",
         "clean ")
NOUNS = ("pictogram", "icon", "photo", "drawing", "sketch", "picture", "symbol", "silhouette", "line drawing")
HUNDRED = tuple(f"a{'n' if (kind + noun)[0] in 'aeiou' else ''} {kind}{noun} of a {{}}." for kind in KINDS
                for noun in NOUNS)
"""108 contexts that one might write by hand."""
Restyle = Callable[[np.ndarray, str], np.ndarray]


def unchanged(pixels: np.ndarray, path: str) -> np.ndarray:
    return pixels


TARGETS: dict[str, Restyle] = {"Pictograms": unchanged, "PictogramsFar": PictogramsFar.restyle}


def images_of(split: str, restyle: Restyle = unchanged) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
    """Images of Pictograms in a style.

    Returns:
        (uint8 (n, 3, 64, 64), labels int64 (n,), class names in label order)
    """
    lists = read_split_lists(PICTOGRAMS)
    pixels = [restyle(image, path) for image, (path, _, _) in
              zip(read_images(PICTOGRAMS, split), lists[split], strict=True)]
    names = dict(sorted({label: name for _, label, name in lists["train"]}.items()))
    labels = torch.tensor([label for _, label, _ in lists[split]])
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2), labels, list(names.values())


def as_in_training(images: torch.Tensor, smallest: float, seed: int = 0) -> torch.Tensor:
    """Each image once as the demo's training changes it: a crop of at least a share of the area, half flipped.

    uint8 (n, 3, 64, 64) -> same.
    """
    torch.manual_seed(seed)
    change = v2.Compose([
        v2.RandomResizedCrop(images.shape[-1], scale=(smallest, 1.0), interpolation=v2.InterpolationMode.BICUBIC),
        v2.RandomHorizontalFlip()])
    return torch.stack([change(image) for image in images])


@torch.no_grad()
def features(model: CLIP, images: torch.Tensor) -> torch.Tensor:
    """Normalised image features: uint8 (n, 3, H, W) -> float32 (n, embed_dim)."""
    return torch.cat([F.normalize(model.encode_image(zero_shot.normalised(part)), dim=1) for part in images.split(256)])


def crop_table(model: CLIP, smallest: Sequence[float] = (0.5, 0.65, 0.8)) -> list[str]:
    """Zero-shot accuracy on training images, plain and as training changes them."""
    images, labels, names = images_of("train")
    rows = ["| training images of Pictograms | zero-shot, all classes |", "|---|---|"]
    for share in (None, *smallest):
        shown = images if share is None else as_in_training(images, share)
        accuracy = zero_shot.of_features(model, features(model, shown), labels, names, DEFAULT)["all"]
        rows.append(f"| {'plain' if share is None else f'crops of at least {share}, flips'} | {accuracy:.1f} |")
    return rows


def context_table(model: CLIP) -> list[str]:
    """The default context beside the best of a hundred on base classes, on validation images."""
    rows = ["| validation images of | default, base / new | best of 108 by base | base / new | gain on base |",
            "|---|---|---|---|---|"]
    for target, restyle in TARGETS.items():
        images, labels, names = images_of("val", restyle)
        known = features(model, images)
        found = {template: zero_shot.of_features(model, known, labels, names, template)
                 for template in (DEFAULT, *HUNDRED)}
        best = max(found, key=lambda template: found[template]["base"])
        shown = [f"{found[template]['base']:.1f} / {found[template]['new']:.1f}" for template in (DEFAULT, best)]
        gain = found[best]["base"] - found[DEFAULT]["base"]
        rows.append(f"| {target} | {shown[0]} | {best} | {shown[1]} | {gain:.1f} |")
    return rows


def test_table(model: CLIP) -> list[str]:
    """Zero-shot accuracy on test images with the default context."""
    rows = ["| test images of | all | base | new | H |", "|---|---|---|---|---|"]
    for target, restyle in TARGETS.items():
        images, labels, names = images_of("test", restyle)
        found = zero_shot.of_features(model, features(model, images), labels, names, DEFAULT)
        rows.append(f"| {target} | {found['all']:.1f} | {found['base']:.1f} | {found['new']:.1f} | {found['h']:.1f} |")
    return rows


def load(path: Path) -> CLIP:
    """The small CLIP with stored weights, for evaluation."""
    model = CLIP(**SIZES)
    model.load_state_dict(weights.load(path))
    return model.float().eval()


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, default=ASSETS / "mini16.npz", help="(default: %(default)s)")
    options = parser.parse_args(argv)

    def run() -> None:
        model = load(options.weights)
        for table in (test_table, crop_table, context_table):
            print("\n".join(table(model)), end="\n\n", flush=True)

    return exit_code(run)


if __name__ == "__main__":
    sys.exit(main())
