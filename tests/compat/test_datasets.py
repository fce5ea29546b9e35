"""Data sets: Datum, classes, few-shot draws, the data manager."""
import pickle
import random

import pytest
from dassl.config import get_cfg_default
from dassl.data import DataManager
from dassl.data.datasets import DATASET_REGISTRY, DatasetBase, Datum, build_dataset
from toy import toy_config, write_images

from compat.errors import UserError


def items(*labels):
    return [Datum(f"{k}.png", label, classname=f"c{label}") for k, label in enumerate(labels)]


def test_datum_is_read_only_and_pickles():
    datum = Datum("a.png", 3, 1, "cat")
    assert (datum.impath, datum.label, datum.domain, datum.classname) == ("a.png", 3, 1, "cat")
    with pytest.raises(AttributeError):
        datum.label = 4
    assert repr(pickle.loads(pickle.dumps(datum))) == repr(datum)
    # The originals' few-shot pickles hold these names.
    assert vars(datum) == {"_impath": "a.png", "_label": 3, "_domain": 1, "_classname": "cat"}
    with pytest.raises(TypeError):
        Datum(3)


def test_classes_stand_in_label_order():
    dataset = DatasetBase(train_x=items(2, 0, 1, 0), test=items(1))
    assert dataset.num_classes == 3 and dataset.classnames == ["c0", "c1", "c2"]
    assert dataset.lab2cname == {0: "c0", 1: "c1", 2: "c2"} and dataset.val is None and len(dataset.test) == 1


def test_two_classes_of_one_name_stay_two():
    dataset = DatasetBase(train_x=[Datum("a", 0, classname="crane"), Datum("b", 1, classname="crane")])
    assert dataset.classnames == ["crane", "crane"] and dataset.num_classes == 2


def test_labels_with_a_gap_are_refused():
    with pytest.raises(UserError, match="labels up to 3 but none has label 1"):
        DatasetBase(train_x=items(0, 2, 3))


def test_few_shot_draws_take_so_many_per_class_or_all(capsys):
    train, val = items(1, 0, 1, 0, 1, 0, 2), items(0, 1, 1)
    dataset = DatasetBase(train_x=items(0))
    random.seed(3)
    drawn, drawn_val = dataset.generate_fewshot_dataset(train, val, num_shots=2)
    random.seed(3)
    ones, zeros = [train[k] for k in (0, 2, 4)], [train[k] for k in (1, 3, 5)]
    assert drawn == random.sample(ones, 2) + random.sample(zeros, 2) + [train[6]]
    assert drawn_val == [val[0], *random.sample(val[1:], 2)]
    printed = capsys.readouterr().out
    assert "fewer than 2 images, so all were taken: c2 (1)" in printed and "c0 (1)" in printed
    assert len(dataset.generate_fewshot_dataset(train, num_shots=4, repeat=True)) == 12
    assert dataset.generate_fewshot_dataset(train, num_shots=-1) is train


def test_domains_are_checked_and_split():
    class Domains(DatasetBase):
        domains = ["photo", "sketch"]

    dataset = Domains(train_x=items(0))
    dataset.check_input_domains(["photo"], ["sketch"])
    with pytest.raises(UserError, match="DATASET.TARGET_DOMAINS 'scetch' is unknown.*did you mean 'sketch'"):
        dataset.check_input_domains([], ["scetch"])
    split = dataset.split_dataset_by_domain([Datum("a", domain=1), Datum("b", domain=0), Datum("c", domain=1)])
    assert [[item.impath for item in group] for group in split.values()] == [["a", "c"], ["b"]]


def test_an_unknown_data_set_names_the_nearest():
    cfg = get_cfg_default()
    cfg.DATASET.NAME = "Sqares"
    with pytest.raises(UserError, match="DATASET.NAME 'Sqares' is unknown.*did you mean 'Squares'"):
        build_dataset(cfg)


def test_the_data_manager_has_a_loader_per_split(tmp_path, capsys):
    write_images(tmp_path / "images")
    manager = DataManager(toy_config(tmp_path, "VERBOSE", True))
    assert manager.num_classes == 3 and manager.lab2cname[2] == "blue" and manager.num_source_domains == 0
    assert len(manager.train_loader_x) == 4 and len(manager.test_loader) == 1 and manager.val_loader is not None
    assert manager.train_loader_u.batch_size == 4  # SAME_AS_X
    assert "train_x  18" in capsys.readouterr().out
    custom = DataManager(toy_config(tmp_path), lambda image: "train", lambda image: "test")
    assert custom.train_loader_x.dataset[0]["img"] == "train" and custom.test_loader.dataset[0]["img"] == "test"


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_split_without_an_image_is_refused(tmp_path, split):
    write_images(tmp_path / "images")
    for path in (tmp_path / "images" / split).iterdir():
        path.unlink()
    with pytest.raises(UserError, match=f"'Squares' has no {split} image"):
        DataManager(toy_config(tmp_path))


def test_the_registry_refuses_a_name_twice():
    with pytest.raises(KeyError, match="registered in DATASET.NAME already"):
        DATASET_REGISTRY.register(DATASET_REGISTRY.get("Squares"))
    DATASET_REGISTRY.register(DATASET_REGISTRY.get("Squares"), force=True)
