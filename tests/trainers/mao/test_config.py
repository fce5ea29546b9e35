"""Config keys of MAO: defaults, refused values, and what step 2 has of its own."""
import pytest
from dassl.config import get_cfg_default

from trainers import extend_cfg
from trainers.mao import MAO, config
from trainers.mao.errors import MAOError

OWN = ["MAO.NEW.BATCH_SIZE", 32, "MAO.NEW.LR", 0.01, "MAO.NEW.MAX_EPOCH", 3]


def config_of(classes, *options):
    cfg = get_cfg_default()
    cfg.DATASET.SUBSAMPLE_CLASSES = classes
    extend_cfg(cfg)
    cfg.merge_from_list(["DATALOADER.TRAIN_X.BATCH_SIZE", 4, "OPTIM.LR", 0.002, "OPTIM.MAX_EPOCH", 10, *options])
    cfg.freeze()
    return cfg


def effective(cfg):
    return cfg.DATALOADER.TRAIN_X.BATCH_SIZE, cfg.OPTIM.LR, cfg.OPTIM.MAX_EPOCH


def test_the_defaults_are_valid_and_added_once():
    cfg = config_of("base", "MAO.TOPK", 5)
    config.check(cfg)
    config.extend_cfg(cfg)
    assert cfg.MAO.TOPK == 5


def test_the_step_follows_the_classes_unless_it_is_given():
    assert config.stage(config_of("all")) == config.stage(config_of("base")) == "base"
    assert config.stage(config_of("new")) == "new"
    assert config.stage(config_of("new", "MAO.STAGE", "base")) == "base"


def test_step_one_runs_with_the_config_itself():
    cfg = config_of("base", *OWN)
    assert config.for_step(cfg) is cfg and effective(cfg) == (4, 0.002, 10)


def test_step_two_runs_with_its_own_values_and_leaves_the_config_alone():
    cfg = config_of("new", *OWN)
    own = config.for_step(cfg)
    assert effective(own) == (32, 0.01, 3) and own.is_frozen()
    assert effective(cfg) == (4, 0.002, 10)


def test_the_mixin_gives_the_host_the_config_of_its_step():
    class Host:
        def __init__(self, cfg):
            self.cfg = cfg

    class Host_MAO(MAO, Host):
        pass

    assert effective(Host_MAO(config_of("new", *OWN)).cfg) == (32, 0.01, 3)
    with pytest.raises(MAOError, match="MAO.TOPK is 1"):
        Host_MAO(config_of("new", "MAO.TOPK", 1))


def test_zero_is_as_in_step_one():
    assert effective(config.for_step(config_of("new"))) == (4, 0.002, 10)
    assert effective(config.for_step(config_of("new", "MAO.NEW.BATCH_SIZE", 8))) == (8, 0.002, 10)


@pytest.mark.parametrize("options, words", [
    (["MAO.NEW.BATCH_SIZE", -1], "MAO.NEW.BATCH_SIZE is -1: .* DATALOADER.TRAIN_X.BATCH_SIZE"),
    (["MAO.NEW.LR", -0.1], "MAO.NEW.LR is -0.1: .* OPTIM.LR"),
    (["MAO.NEW.MAX_EPOCH", -2], "MAO.NEW.MAX_EPOCH is -2: .* OPTIM.MAX_EPOCH"),
    (["MAO.TOPK", 1], "MAO.TOPK is 1"),
    (["MAO.BASE_EPOCH", -2], "MAO.BASE_EPOCH is -2"),
    (["MAO.POOL", "val"], "MAO.POOL 'val' is unknown: choose one of train, fewshot"),
    (["MAO.PSEUDO_LABELS", "new"], "choose one of base, clip"),
    (["MAO.PSEUDO_TEMPLATE", "a photo of a {}."], "MAO.PSEUDO_TEMPLATE 'a photo .*choose one of dataset, photo"),
    (["MAO.BASE_RUN", "CoOp"], "MAO.BASE_RUN 'CoOp' is unknown: choose one of step1, backbone"),
    (["MAO.NEW.START", "clip"], "MAO.NEW.START 'clip' is unknown: choose one of base, fresh"),
    (["MAO.NEW.START", "fresh", "MAO.DDE_NEW", False], "MAO.NEW.START fresh leaves nothing of step 1"),
    (["MAO.STAGE", "new"], "MAO.STAGE new needs the base/new split"),
])
def test_values_that_cannot_work_are_refused(options, words):
    with pytest.raises(MAOError, match=words):
        config.check(config_of("all", *options))


def test_a_train_py_without_the_keys_is_told_what_to_add():
    cfg = get_cfg_default()
    with pytest.raises(MAOError, match="no node MAO: call trainers.mao.extend_cfg"):
        config.check(cfg)
    config.extend_cfg(cfg)
    with pytest.raises(MAOError, match="no DATASET.SUBSAMPLE_CLASSES"):
        config.check(cfg)


def test_the_host_is_named_inside_the_context_alone():
    cfg = config_of("base", "TRAINER.NAME", "CoOp_MAO")
    with pytest.raises(ZeroDivisionError):
        with config.named(cfg, "CoOp"):
            assert cfg.TRAINER.NAME == "CoOp"
            raise ZeroDivisionError
    assert cfg.TRAINER.NAME == "CoOp_MAO" and cfg.is_frozen()
