"""Seconds that it takes to open ImageNet, on a tree of empty files of its shape.

    python -m benchmarks.imagenet_open [--images 1281167] [--folder FOLDER]

Makes ``imagenet/images/{train,val}`` with 1,000 class folders, then opens the data set for a 16-shot run in fresh
processes: without and with the cache of listings, each beside the time of asking the disk for every training image.
The tree is removed at the end, unless --folder keeps it for the next call.
"""
import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from compat import resolve_dassl
from compat.errors import exit_code

from .common import in_own_process

CLASSES, VAL_IMAGES = 1000, 50000
OPENINGS = (  # shots, seed, what that tries
    (16, 1, "16 shots, first time"),
    (16, 2, "16 shots, listings in the cache"),
    (16, 2, "16 shots, draw and listings in the cache"),
    (-1, 1, "all images"),
)


def make_tree(folder: Path, train_images: int, val_images: int) -> None:
    """Make the tree, unless it is there already; classes are called by numbers in place of their published names."""
    imagenet = folder / "imagenet"
    names = [f"n{label:08d}" for label in range(CLASSES)]
    if (imagenet / "classnames.txt").exists():
        return
    for part, total in (("train", train_images), ("val", val_images)):
        for label in tqdm(range(CLASSES), f"making {total} empty {part} images"):
            target = imagenet / "images" / part / names[label]
            target.mkdir(parents=True)
            for number in range(total * label // CLASSES, total * (label + 1) // CLASSES):
                os.close(os.open(target / f"{names[label]}_{number}.JPEG", os.O_CREAT | os.O_WRONLY))
    (imagenet / "classnames.txt").write_text("".join(f"{name} class {name}\n" for name in names))


def ask_for_each(folder: Path) -> tuple[float, int]:
    """Seconds of listing a tree and asking the disk for each of its files, and their number."""
    start = time.perf_counter()
    paths = [os.path.join(parent, name) for parent, _, names in os.walk(folder) for name in names]
    found = sum(os.path.exists(path) for path in paths)
    return time.perf_counter() - start, found


def open_imagenet(root: Path, shots: int, seed: int) -> tuple[float, int, int]:
    """Seconds of opening ImageNet, and the numbers of its training and test images."""
    resolve_dassl()
    from dassl.config import get_cfg_default  # of the Dassl that was just chosen
    from dassl.data.datasets import DATASET_REGISTRY

    import datasets  # noqa: F401  registers ImageNet

    cfg = get_cfg_default()
    cfg.DATASET.SUBSAMPLE_CLASSES = "all"
    cfg.DATASET.ROOT, cfg.DATASET.NUM_SHOTS, cfg.SEED = str(root), shots, seed
    start = time.perf_counter()
    data = DATASET_REGISTRY.get("ImageNet")(cfg)
    return time.perf_counter() - start, len(data.train_x or ()), len(data.test or ())


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, default=1281167, help="training images (default: ImageNet's)")
    parser.add_argument("--val-images", type=int, default=VAL_IMAGES, help="test images (default: ImageNet's)")
    parser.add_argument("--folder", help="where to make the tree, which then stays (default: a temporary folder)")
    return parser.parse_args(argv)


def run(args: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(args.folder or temporary).absolute()
        make_tree(folder, args.images, args.val_images)
        time.sleep(3)  # folders that changed less than two seconds ago do not go into the cache
        asking, found = in_own_process(ask_for_each, folder / "imagenet" / "images" / "train")
        print(f"asking the disk for each of {found} training images: {asking:.1f} s")
        for shots, seed, what in OPENINGS:
            seconds, train, test = in_own_process(open_imagenet, folder, shots, seed)
            print(f"opening ImageNet, {what}: {seconds:.1f} s ({train} training and {test} test images), "
                  f"{seconds / asking:.2f} x")


def main(argv: Sequence[str] | None = None) -> int:
    return exit_code(lambda: run(parse_arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
