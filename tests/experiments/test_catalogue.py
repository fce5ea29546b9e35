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
    LABELLERS,
    METHODS,
    ROOT,
    backbone,
    by_config,
    control,
    demo_targets,
    has_steps,
    mao_defaults,
    named_setting,
    paper_datasets,
    setting,
    sort_methods,
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
    assert variants_of("Pictograms") == ["PictogramsInverted", "PictogramsContour", "PictogramsFar"]
    assert demo_targets() == ["EmojiAnimals", "EmojiFood", "EmojiObjects", "EmojiTransport"]


def test_prompts_for_other_data_sets_lie_in_fewer_layers():
    assert setting("MaPLe", "imagenet").pairs == ()
    cross = setting("MaPLe", "imagenet", "xd")
    assert (cross.name, cross.yaml) == ("vit_b16_c2_ep20_xd", "vit_b16_c2_ep20")
    assert cross.pairs == ("TRAINER.MAPLE.PROMPT_DEPTH", "3") and cross == named_setting("MaPLe", cross.name)
    assert setting("CoOp", "imagenet", "xd") == setting("CoOp", "imagenet")
    assert setting("MaPLe", "pictograms", "xd").name == "mini"


def test_context_starts_from_random_numbers_or_words():
    for method, epochs in (("CoOp", 20), ("CoOp_MAO", 10)):
        words = named_setting(method, f"{METHODS[method].setting}_ctxv1")
        assert words.yaml == METHODS[method].setting == f"vit_b16_c4_ep{epochs}"
        cfg = defaults()
        cfg.merge_from_file(str(ROOT / f"configs/trainers/{method}/{words.yaml}.yaml"))
        assert (cfg.TRAINER.COOP.CTX_INIT, cfg.TRAINER.COOP.N_CTX) == ("", 4)
        cfg.merge_from_list(list(words.pairs))
        assert cfg.TRAINER.COOP.CTX_INIT == "a photo of a"
    assert named_setting("MaPLe", "vit_b16_ctxv1").pairs == ()


def test_settings_of_a_method_state_one_labeller():
    for method, labeller in (("CoOp_MAO", "clip"), ("MaPLe_MAO", "clip"), ("PromptSRC_MAO", "base")):
        for path in (ROOT / "configs/trainers" / method).glob("*.yaml"):
            cfg = defaults()
            cfg.merge_from_file(str(path))
            assert flat_config(cfg).items() >= LABELLERS[labeller].items(), path
        assert mao_defaults(method).items() >= LABELLERS[labeller].items()
    assert mao_defaults("ProGrad_MAO").items() >= {**LABELLERS["base"], BATCH_SIZE: 4}.items()


def test_controls_stand_behind_the_method_that_they_are_of():
    assert sort_methods(["MaPLe", "CoOp+step2", "CoOp_MAO", "CoOp"]) == ["CoOp", "CoOp_MAO", "CoOp+step2", "MaPLe"]
    assert control("CoOp_MAO") == "CoOp+step2" and backbone("CoOp+step2") == "CoOp" and not has_steps("CoOp+step2")


def test_defaults_of_mao_are_those_of_the_paper_s_setting():
    cfg = defaults()
    cfg.merge_from_file(str(ROOT / "configs/trainers/CoOp_MAO" / f"{METHODS['CoOp_MAO'].setting}.yaml"))
    merged = flat_config(cfg)
    found = mao_defaults()
    assert found[BATCH_SIZE] == 4 and found["MAO.TOPK"] == 8
    assert {key: value for key, value in found.items() if key != "MAO.NEW.BATCH_SIZE"} == {
        key: merged[key] for key in found if key != "MAO.NEW.BATCH_SIZE"}


def test_there_are_few_settings():
    assert len(YAMLS) <= 20 + 2 * sum(method.on_request for method in METHODS.values())


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
