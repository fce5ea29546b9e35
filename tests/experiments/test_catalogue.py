"""The catalogue is complete and names what is there; the settings that it names hold nothing but what differs."""
import pytest
import yaml
from dassl.config import get_cfg_default
from dassl.data.datasets import DATASET_REGISTRY
from dassl.engine import TRAINER_REGISTRY

import datasets  # noqa: F401  registers the data sets
import trainers
from compat.settings import flat_config
from experiments.catalogue import (
    BATCH_SIZE,
    DATASETS,
    METHODS,
    ROOT,
    by_config,
    demo_targets,
    mao_defaults,
    named_setting,
    paper_datasets,
    setting,
    variants_of,
)

NOT_IN_TABLES = {"ZeroshotCLIP2"}  # zero-shot CLIP with more prompts, which the family has and the tables do not show
YAMLS = sorted((ROOT / "configs" / "trainers").glob("*/*.yaml"))


def registered(registry, package):
    """Names in a registry whose classes are of one of our packages: tests register toys of their own."""
    return {name for name in registry.registered_names() if registry.get(name).__module__.split(".")[0] == package}


def defaults():
    cfg = get_cfg_default()
    cfg.DATASET.SUBSAMPLE_CLASSES = "all"
    trainers.extend_cfg(cfg)
    return cfg


def test_every_trainer_is_a_method():
    assert registered(TRAINER_REGISTRY, "trainers") - NOT_IN_TABLES == set(METHODS)


def test_every_loader_is_a_data_set():
    assert registered(DATASET_REGISTRY, "datasets") == set(DATASETS)


def test_every_data_set_has_its_yaml():
    for name, dataset in DATASETS.items():
        content = yaml.safe_load((ROOT / "configs" / "datasets" / f"{dataset.config}.yaml").read_text())
        assert content["DATASET"]["NAME"] == name
        assert by_config(dataset.config) is dataset
        assert dataset.source == "" or dataset.source in DATASETS


def test_every_setting_has_its_yaml():
    for method in METHODS:
        for config in ("imagenet", "pictograms"):
            for protocol in ("", "xd"):
                assert (ROOT / "configs/trainers" / method / f"{setting(method, config, protocol).yaml}.yaml") in YAMLS


def test_groups_of_data_sets():
    assert len(paper_datasets()) == 11 and paper_datasets()[0] == "ImageNet"
    assert variants_of("ImageNet") == ["ImageNetV2", "ImageNetSketch", "ImageNetA", "ImageNetR"]
    assert variants_of("Pictograms") == ["PictogramsInverted", "PictogramsContour"]
    assert demo_targets() == ["EmojiAnimals", "EmojiFood", "EmojiObjects", "EmojiTransport"]


def test_prompts_for_other_data_sets_lie_in_fewer_layers():
    assert setting("MaPLe", "imagenet").pairs == ()
    cross = setting("MaPLe", "imagenet", "xd")
    assert (cross.name, cross.yaml) == ("vit_b16_c2_ep20_xd", "vit_b16_c2_ep20")
    assert cross.pairs == ("TRAINER.MAPLE.PROMPT_DEPTH", "3") and cross == named_setting("MaPLe", cross.name)
    assert setting("CoOp", "imagenet", "xd") == setting("CoOp", "imagenet")
    assert setting("MaPLe", "pictograms", "xd").name == "mini"


def test_defaults_of_mao_are_those_of_the_paper_s_setting():
    cfg = defaults()
    cfg.merge_from_file(str(ROOT / "configs/trainers/CoOp_MAO" / f"{METHODS['CoOp_MAO'].setting}.yaml"))
    merged = flat_config(cfg)
    found = mao_defaults()
    assert found[BATCH_SIZE] == 4 and found["MAO.TOPK"] == 8
    assert {key: value for key, value in found.items() if key != "MAO.NEW.BATCH_SIZE"} == {
        key: merged[key] for key in found if key != "MAO.NEW.BATCH_SIZE"}


def test_there_are_few_settings():
    assert len(YAMLS) <= 20


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_setting_holds_what_differs_from_the_defaults_and_says_why(path):
    text = path.read_text()
    assert path.parent.name in METHODS and text.startswith("# ")
    cfg = defaults()
    default = flat_config(cfg)
    cfg.merge_from_file(str(path))
    merged = flat_config(cfg)
    assert not [key for key in flat_config(yaml.safe_load(text)) if merged[key] == default[key]]
    values = [line for line in text.splitlines() if line.strip() and not line.rstrip().endswith(":")]
    assert not [line for line in values if "#" not in line]
