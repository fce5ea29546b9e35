"""Seconds that it takes to open ImageNet, on a tree of empty files of its shape.

    python benchmarks/imagenet_open.py [--images 1281167] [--folder FOLDER]

Makes ``imagenet/images/{train,val}`` with 1,000 class folders, then opens the data set for a 16-shot run in fresh
processes: without and with the cache of listings, each beside the time of asking the disk for every training image.
The tree is removed at the end, unless --folder keeps it for the next call.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
CLASSES, VAL_IMAGES = 1000, 50000
OPEN = """
import sys, time, compat
compat.resolve_dassl()
import datasets
from dassl.config import get_cfg_default
from dassl.data.datasets import DATASET_REGISTRY
cfg = get_cfg_default()
cfg.DATASET.SUBSAMPLE_CLASSES = "all"
cfg.DATASET.ROOT, cfg.DATASET.NUM_SHOTS, cfg.SEED = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
start = time.perf_counter()
data = DATASET_REGISTRY.get("ImageNet")(cfg)
print(time.perf_counter() - start, len(data.train_x), len(data.test))
"""
STAT = """
import os, sys, time
start = time.perf_counter()
paths = [os.path.join(folder, name) for folder, _, names in os.walk(sys.argv[1]) for name in names]
found = sum(os.path.exists(path) for path in paths)
print(time.perf_counter() - start, found)
"""


def make_tree(folder, images):
    """The tree, unless it is there already; the published class names are replaced by numbered ones."""
    imagenet = folder / "imagenet"
    names = [f"n{label:08d}" for label in range(CLASSES)]
    if (imagenet / "classnames.txt").exists():
        return
    for part, total in (("train", images), ("val", VAL_IMAGES)):
        for label in tqdm(range(CLASSES), f"making {total} empty {part} images"):
            target = imagenet / "images" / part / names[label]
            target.mkdir(parents=True)
            for number in range(total * label // CLASSES, total * (label + 1) // CLASSES):
                os.close(os.open(target / f"{names[label]}_{number}.JPEG", os.O_CREAT | os.O_WRONLY))
    (imagenet / "classnames.txt").write_text("".join(f"{name} class {name}\n" for name in names))


def run(code, *arguments):
    """What a fresh process prints, as words."""
    done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], cwd=ROOT, check=True, text=True,
                          stdout=subprocess.PIPE)
    return done.stdout.splitlines()[-1].split()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, default=1281167, help="training images (default: ImageNet's)")
    parser.add_argument("--folder", help="where to make the tree, which then stays (default: a temporary folder)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(args.folder or temporary).absolute()
        make_tree(folder, args.images)
        time.sleep(3)  # folders that changed less than two seconds ago do not go into the cache
        stat, found = run(STAT, folder / "imagenet" / "images" / "train")
        print(f"asking the disk for each of {found} training images: {float(stat):.1f} s")
        for shots, seed, what in ((16, 1, "16 shots, first time"), (16, 2, "16 shots, listings in the cache"),
                                  (16, 2, "16 shots, draw and listings in the cache"), (-1, 1, "all images")):
            seconds, train, test = run(OPEN, folder, shots, seed)
            print(f"opening ImageNet, {what}: {float(seconds):.1f} s ({train} training and {test} test images), "
                  f"{float(seconds) / float(stat):.2f} x")


if __name__ == "__main__":
    main()
