"""The bundled data set, through the registry, from its archive."""
import pytest
from datasets_on_disk import dataset_config
from PIL import Image

import datasets  # noqa: F401  registers it


@pytest.fixture(scope="module")
def root(bundled_root):
    return bundled_root


def pictograms(root, **options):
    from dassl.data.datasets import build_dataset

    cfg = dataset_config(root, **options)
    cfg.DATASET.NAME = "Pictograms"
    return build_dataset(cfg)


def test_sixteen_shots_of_base_and_new_classes(root):
    whole = pictograms(root)
    base, new = pictograms(root, shots=16, subsample="base"), pictograms(root, shots=16, subsample="new")
    assert list(base.classnames) + list(new.classnames) == list(whole.classnames)
    assert base.num_classes - new.num_classes in (0, 1)
    for dataset in (base, new):
        assert len(dataset.train_x) == 16 * dataset.num_classes
        assert {item.label for item in dataset.test} == set(range(dataset.num_classes))
    assert len(base.test) + len(new.test) == len(whole.test)


def test_splits_share_no_image_and_images_are_64x64(root):
    whole = pictograms(root)
    paths = [item.impath for part in (whole.train_x, whole.val, whole.test) for item in part]
    assert len(set(paths)) == len(paths)
    for item in whole.test[::200]:
        with Image.open(item.impath) as image:
            assert image.size == (64, 64)


def test_the_seed_fixes_the_draw(root):
    def draws(seed):
        return [item.impath for item in pictograms(root, shots=2, seed=seed).train_x]

    assert draws(1) == draws(1) != draws(2)
