"""The data set Synthetic<N>: N made-up classes that share one grey image, to see what a step costs against N."""
import re
from pathlib import Path

from PIL import Image
from yacs.config import CfgNode

from compat.errors import UserError

ITEMS = 320  # training images, or as many as there are classes
SHAPES = ("round", "long", "flat", "hollow", "striped", "tall", "bent", "pointed", "twin", "wide")
THINGS = ("box", "wheel", "lamp", "vessel", "tower", "leaf", "shell", "bridge", "coat", "horn")


def register_synthetic(name: str) -> None:
    """Register the data set of this name, if it is Synthetic<N>, with the Dassl that was chosen before.

    Raises:
        UserError: fewer than two classes.
    """
    from dassl.data.datasets import DATASET_REGISTRY, DatasetBase, Datum  # after compat.resolve_dassl

    count = re.fullmatch(r"Synthetic(\d+)", name)
    if not count or name in DATASET_REGISTRY.registered_names():
        return
    classes = int(count.group(1))
    if classes < 2:
        raise UserError(f"DATASET.NAME {name!r}: a classifier needs at least two classes")

    class Synthetic(DatasetBase):
        def __init__(self, cfg: CfgNode) -> None:
            image = grey_image(cfg.OUTPUT_DIR)
            items = [Datum(impath=image, label=k % classes, classname=class_name(k % classes))
                     for k in range(max(ITEMS, classes))]
            super().__init__(train_x=items, val=[], test=items[:classes])

    Synthetic.__name__ = name
    DATASET_REGISTRY.register()(Synthetic)


def grey_image(folder: str) -> str:
    """Path of an image of a photograph's size, written into a folder."""
    path = Path(folder) / "grey.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (320, 240), "grey").save(path)
    return str(path)


def class_name(k: int) -> str:
    """The k-th of distinct made-up names."""
    return f"{SHAPES[k % 10]} {THINGS[k // 10 % 10]} {k // 100 + 1}"
