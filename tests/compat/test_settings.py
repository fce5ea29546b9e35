"""A configuration as flat keys."""
from yacs.config import CfgNode

from compat.settings import flat_config


def test_nested_keys_are_joined_by_dots():
    cfg = CfgNode({"SEED": 1, "OPTIM": {"LR": 0.5, "STEPSIZE": (1, 2)}, "TRAINER": {"COOP": {"N_CTX": 16}, "NAME": ""}})
    assert flat_config(cfg) == {
        "SEED": 1, "OPTIM.LR": 0.5, "OPTIM.STEPSIZE": (1, 2), "TRAINER.COOP.N_CTX": 16, "TRAINER.NAME": ""}
