"""Domains in folders: which images the chosen domains give, and bad choices."""
import pytest
from dassl.data.datasets import build_dataset
from dassl.data.samplers import build_sampler
from datasets_on_disk import dataset_config

import datasets  # noqa: F401  registers the data sets
from compat.errors import UserError
from datasets.base import data_identity
from runs.data import data_on_disk

PACS = ("art_painting", "cartoon", "photo", "sketch")


def fill(folder, **classes):
    for name, count in classes.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            (folder / name / f"{number}.jpg").write_text(f"{folder.name} {name} {number}")


@pytest.fixture
def pacs(tmp_path):
    for domain in PACS:
        fill(tmp_path / "pacs" / domain, dog=10, elephant=20)
    return tmp_path / "pacs"


@pytest.fixture
def office(tmp_path):
    for domain in ("Art", "Real World"):
        fill(tmp_path / "office" / domain / "train", Alarm_Clock=8, Bed=8)
        fill(tmp_path / "office" / domain / "val", Alarm_Clock=2, Bed=2)
    return tmp_path / "office"


def config(root, sources=(), targets=(), shots=-1):
    cfg = dataset_config(root, shots=shots)
    cfg.DATASET.NAME, cfg.DATASET.SOURCE_DOMAINS, cfg.DATASET.TARGET_DOMAINS = "DomainFolder", sources, targets
    return cfg


def build(*args, **options):
    return build_dataset(config(*args, **options))


def domains(items):
    return {(item.impath.partition("/pacs/")[2].split("/")[0], item.domain) for item in items}


def sizes(data):
    return [len(part) for part in (data.train_x, data.val, data.test)]


def test_source_and_target_domains(pacs):
    data = build(pacs, ["photo", "cartoon"], ["sketch"])
    assert sizes(data) == [48, 12, 30] and data.classnames == ["dog", "elephant"]
    assert domains(data.train_x) == domains(data.val) == {("photo", 0), ("cartoon", 1)}
    assert domains(data.test) == {("sketch", 0)}
    assert data.label == "pacs: sketch" and data.domains == sorted(PACS)


def test_domains_that_are_not_given_are_the_rest(pacs):
    assert domains(build(pacs, targets=["sketch"]).train_x) == {("art_painting", 0), ("cartoon", 1), ("photo", 2)}
    assert domains(build(pacs, sources=["sketch"]).test) == {("art_painting", 0), ("cartoon", 1), ("photo", 2)}
    everything = build(pacs)
    assert sizes(everything) == [60, 24, 36] and everything.label == "pacs"
    paths = [item.impath for item in everything.train_x + everything.val + everything.test]
    assert len(set(paths)) == 120


def test_a_domain_that_is_source_and_target_is_split(pacs):
    data = build(pacs, ["photo"], ["photo", "sketch"])
    assert sizes(data) == [15, 6, 9 + 30]
    assert not {item.impath for item in data.test} & {item.impath for item in data.train_x + data.val}


def test_few_shots_of_two_choices_do_not_mix(pacs):
    for _ in range(2):
        for sources in (["photo"], ["cartoon"]):
            data = build(pacs, sources, ["sketch"], shots=2)
            assert sizes(data) == [4, 4, 30] and domains(data.train_x) == {(sources[0], 0)}


def test_a_batch_can_be_filled_from_all_source_domains(pacs):
    data = build(pacs, ["photo", "cartoon"], ["sketch"])
    order = list(build_sampler("SeqDomainSampler", data_source=data.train_x, batch_size=4))
    assert [data.train_x[index].domain for index in order[:4]] == [0, 0, 1, 1]


def test_the_identity_of_the_data_does_not_depend_on_the_choice(pacs):
    first = data_on_disk(config(pacs, ["photo"], ["sketch"]))
    assert first == data_on_disk(config(pacs, ["cartoon"], ["photo"])) and first["split"]
    assert data_identity(build(pacs, ["photo"], ["sketch"])) == data_identity(build(pacs, ["cartoon"], ["photo"]))
    (pacs / "art_painting" / "dog" / "0.jpg").write_text("other")
    assert data_on_disk(config(pacs, ["photo"], ["sketch"]))["split"] != first["split"]


def test_folders_for_train_and_val_count(office):
    data = build(office, ["Real World"], ["Art"])
    assert sizes(data) == [16, 4, 20] and all("/Real World/val/" in item.impath for item in data.val)
    both = build(office)
    assert sizes(both) == [24, 8, 8] and all("/val/" in item.impath for item in both.test)
    assert both.classnames == ["Alarm_Clock", "Bed"]


@pytest.mark.parametrize("sources, targets, words", [
    (["photos"], [], "SOURCE_DOMAINS 'photos' is no domain here: did you mean 'photo'"),
    ([], ["sketch", "x"], "TARGET_DOMAINS 'x' is no domain here"), (PACS, [], "give --target-domains, too"),
    ([], PACS, "give --source-domains, too")])
def test_bad_choices_are_named(pacs, sources, targets, words):
    with pytest.raises(UserError, match=words):
        build(pacs, sources, targets)


def test_the_folder_above_the_domains_is_named(pacs):
    (pacs.parent / "images").mkdir()
    with pytest.raises(UserError, match="holds the folder 'images', which is no domain: give --root"):
        build(pacs.parent)


def test_a_class_that_no_source_has_is_named(pacs):
    fill(pacs / "sketch", horse=5)
    with pytest.raises(UserError, match="is of class 'horse'.*which has no training image"):
        build(pacs, ["photo"], ["sketch"])
