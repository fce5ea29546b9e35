"""Makes sure that the data sets of a sweep are there before the first job starts."""
from collections.abc import Iterable

from compat.errors import UserError


def prepare_data(names: Iterable[str], root: str) -> None:
    """Unpack bundled data sets, and look for the folders of the others.

    Args:
        names: registered names; those that are not registered are made by the job itself. root: the data root.

    Raises:
        UserError: data sets are missing.
    """
    from dassl.data.datasets import DATASET_REGISTRY  # once compat has found a Dassl

    from datasets.base import data_root

    sentences = []
    for name in names:
        dataset = DATASET_REGISTRY.get(name) if name in DATASET_REGISTRY.registered_names() else None
        if dataset is None or not hasattr(dataset, "prepare") or getattr(dataset, "dataset_dir", None) is None:
            continue
        try:
            dataset.prepare(data_root(root) / dataset.dataset_dir)
        except UserError as error:
            sentences.append(str(error))
    if sentences:
        more = f" ({len(sentences) - 1} more data sets are missing)" if len(sentences) > 1 else ""
        raise UserError(f"{sentences[0]}{more}; DATA in the environment names the data root, docs/datasets.md says "
                        "how to get data sets, --datasets runs those that are there")
