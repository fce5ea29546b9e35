"""Which data a run sees, wherever they lie."""
import contextlib
import hashlib
import io

from yacs.config import CfgNode

from compat.errors import UserError

SAMPLE = 256  # so many images' contents count at least: those of all or, where there are many, of evenly spaced ones


def data_on_disk(cfg: CfgNode) -> dict[str, str]:
    """``data_identity`` of a config's data set as it lies on disk, whose ``split`` stands for images' contents, too.

    Two folders of one's own often have the same names of classes and files. Of a data set that is not of this
    repository, the name alone is known.

    Raises:
        UserError: the data are missing or damaged.
    """
    from dassl.data.datasets import DATASET_REGISTRY

    from datasets.base import FewShotDataset, Reading, data_identity
    from datasets.splits.images import check_images

    name = cfg.DATASET.NAME
    dataset = DATASET_REGISTRY.get(name) if name in DATASET_REGISTRY.registered_names() else None
    if dataset is None or not issubclass(dataset, FewShotDataset):
        return {"name": name, "split": "", "classes": ""}
    with contextlib.redirect_stdout(io.StringIO()):  # the run itself says what is to be said of its data
        reading: Reading = dataset.read(cfg.DATASET.ROOT, cfg.DATASET)
    paths = sorted(reading.everything or {path for items in reading.parts.values() for path, _, _ in items})
    if not dataset.listed:
        check_images(reading.images, paths)
    digest = hashlib.sha256(reading.split_digest.encode())
    for path in paths[::max(1, len(paths) // SAMPLE)]:
        try:
            digest.update(hashlib.sha256((reading.images / path).read_bytes()).digest())
        except OSError as error:
            raise UserError(f"cannot read the image {str(reading.images / path)!r} ({error.strerror}): make it readable"
                            ) from error
    return {**data_identity(reading), "split": digest.hexdigest()}
