"""Base and new classes beyond the recorded ones."""
import pytest
from datasets_on_disk import small_split

from datasets.splits.base_new import subsample_classes


@pytest.mark.parametrize("n_classes, n_base", [(4, 2), (5, 3), (7, 4)])
def test_base_and_new_classes_share_nothing(n_classes, n_base):
    parts = {part: [tuple(entry) for entry in entries] for part, entries in small_split([2] * n_classes).items()}
    base, new = subsample_classes(parts, "base"), subsample_classes(parts, "new")
    for part in parts:
        assert sorted(name for _, _, name in base[part] + new[part]) == sorted(name for _, _, name in parts[part])
        assert {label for _, label, _ in base[part]} == set(range(n_base))
        assert {label for _, label, _ in new[part]} == set(range(n_classes - n_base))
        assert all(name == f"class {label + n_base}" for _, label, name in new[part])
