"""Small data sets on disk in CoOp's layout, for tests of the data sets."""
import json

from datasets.base import FewShotDataset


class OnDisk(FewShotDataset):
    """A data set with the folder ``on_disk``, not registered anywhere."""

    dataset_dir = "on_disk"
    split_file = "split.json"


def write_dataset(root, split, leave_out=()):
    """Write a split file, and an empty file for each image that it lists except those in ``leave_out``."""
    folder = root / OnDisk.dataset_dir
    folder.mkdir(parents=True)
    (folder / OnDisk.split_file).write_text(json.dumps(split))
    for part in split.values():
        for path, _, _ in part:
            image = folder / OnDisk.image_dir / path
            image.parent.mkdir(parents=True, exist_ok=True)
            if path not in leave_out:
                image.touch()
    return folder


def dataset_config(root, shots=-1, subsample="all", seed=1):
    from dassl.config import get_cfg_default

    cfg = get_cfg_default()
    cfg.DATASET.ROOT = str(root)
    cfg.DATASET.SUBSAMPLE_CLASSES = subsample
    cfg.DATASET.NUM_SHOTS = shots
    cfg.SEED = seed
    return cfg


def small_split(sizes=(5, 6, 2), val=2, test=3):
    """Split of classes c0, c1, ... with ``sizes`` train images, and ``val`` and ``test`` images each."""
    def part(name, counts):
        return [[f"c{k}/{name}{i}.png", k, f"class {k}"] for k, count in enumerate(counts) for i in range(count)]

    return {"train": part("train", sizes), "val": part("val", [val] * len(sizes)),
            "test": part("test", [test] * len(sizes))}


def relative_paths(data, folder):
    """Paths of a list of Datum, relative to the image folder."""
    prefix = str(folder / OnDisk.image_dir) + "/"
    return [item.impath.removeprefix(prefix) for item in data]
