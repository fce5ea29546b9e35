"""Optimizers and learning-rate schedules: recorded numbers, every kind, plain state that restores exactly."""
import json

import numpy as np
import pytest
import torch
from dassl.config import get_cfg_default
from dassl.optim import build_lr_scheduler, build_optimizer
from dassl.optim.lr_scheduler import SCHEDULES
from dassl.optim.optimizer import OPTIMIZERS
from paths import GOLDEN_DIR
from torch import nn

from compat.errors import UnknownNameError, UserError


def options(**changes):
    node = get_cfg_default().OPTIM
    for key, value in changes.items():
        node[key] = tuple(value) if isinstance(value, list) else value
    return node


def parameters():
    return [nn.Parameter(torch.ones(3))]


def golden_schedules():
    return json.loads((GOLDEN_DIR / "lr_schedules.json").read_text())["schedules"]


@pytest.mark.parametrize("case", golden_schedules(), ids=lambda case: json.dumps(case["options"]))
def test_golden_learning_rates(case):
    node = options(**case["options"])
    optimizer = build_optimizer(parameters(), node)
    schedule = build_lr_scheduler(optimizer, node)
    rates = []
    for _ in case["lr_per_epoch"]:
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates == pytest.approx(case["lr_per_epoch"], rel=1e-9, abs=1e-18)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(case["lr_after_last_epoch"], rel=1e-9, abs=1e-18)


def test_golden_optimizer_defaults(golden_dir):
    recorded = json.loads((golden_dir / "lr_schedules.json").read_text())["dassl_optim_defaults"]
    node = options()
    assert {key: list(v) if isinstance(v, tuple) else v for key, v in node.items()} == recorded


def test_golden_optimizer_steps(golden_dir):
    with np.load(golden_dir / "optimizer.npz", allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    meta = json.loads(str(arrays["meta"]))
    names = sorted(key.split("/")[1] for key in arrays if key.startswith("init/"))
    weights = {name: nn.Parameter(torch.from_numpy(arrays[f"init/{name}"])) for name in names}
    without_gradient = nn.Parameter(torch.ones(2))
    node = options(**meta["options"])
    optimizer = build_optimizer([*weights.values(), without_gradient], node)
    schedule = build_lr_scheduler(optimizer, node)
    rates = arrays["lr_per_step"]
    for step, rate in enumerate(rates):
        assert optimizer.param_groups[0]["lr"] == pytest.approx(rate, rel=1e-9)
        for name, weight in weights.items():
            weight.grad = torch.from_numpy(arrays[f"grads/{name}"][step])
        optimizer.step()
        epoch, position = divmod(step + 1, meta["steps_per_epoch"])
        if position == 0:
            schedule.step()
            for name, weight in weights.items():
                worst = np.abs(weight.detach().numpy() - arrays[f"after_epoch{epoch}/{name}"]).max()
                assert worst <= 1e-5, (epoch, name)
    for name, weight in weights.items():
        momentum = optimizer.state[weight]["momentum_buffer"].numpy()
        assert np.abs(momentum - arrays[f"momentum_buffer/{name}"]).max() <= 1e-5
    assert without_gradient.tolist() == [1, 1] and without_gradient not in optimizer.state
    group = optimizer.param_groups[0]
    for key in ("momentum", "dampening", "weight_decay", "nesterov"):
        assert group[key] == json.loads(str(arrays["param_group_json"]))[key]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_learns(name):
    torch.manual_seed(0)
    model = nn.Linear(4, 1)
    inputs, targets = torch.randn(32, 4), torch.randn(32, 1)
    optimizer = build_optimizer(model, options(NAME=name, LR=0.01))

    def loss():
        return nn.functional.mse_loss(model(inputs), targets)

    before = loss().item()
    for _ in range(30):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    assert loss().item() < 0.97 * before
    assert optimizer.param_groups[0]["weight_decay"] == 5e-4


def test_amsgrad_is_adam_with_its_switch():
    assert build_optimizer(parameters(), options(NAME="amsgrad")).param_groups[0]["amsgrad"]
    assert not build_optimizer(parameters(), options(NAME="adam")).param_groups[0]["amsgrad"]


def test_only_new_layers_learn_at_the_full_rate():
    model = nn.Sequential()
    model.add_module("body", nn.Linear(2, 2))
    model.add_module("head", nn.Linear(2, 2))
    node = options(NAME="sgd", LR=0.1, STAGED_LR=True, NEW_LAYERS=("head",))
    old, new = build_optimizer(model, node).param_groups
    assert (old["lr"], new["lr"]) == (pytest.approx(0.01), 0.1)
    assert old["params"][0] is model.body.weight and new["params"][0] is model.head.weight
    with pytest.raises(UnknownNameError, match="OPTIM.NEW_LAYERS 'tail' is unknown.*body, head"):
        build_optimizer(model, options(STAGED_LR=True, NEW_LAYERS=("tail",)))
    with pytest.raises(UserError, match="STAGED_LR needs a whole model"):
        build_optimizer(parameters(), node)


@pytest.mark.parametrize("change, sentence", [
    ({"NAME": "sdg"}, "OPTIM.NAME 'sdg' is unknown.*did you mean 'sgd'"),
    ({"LR_SCHEDULER": "cosin"}, "OPTIM.LR_SCHEDULER 'cosin' is unknown.*did you mean 'cosine'"),
    ({"WARMUP_EPOCH": 1, "WARMUP_TYPE": "slow"}, "OPTIM.WARMUP_TYPE 'slow' is unknown"),
    ({"LR_SCHEDULER": "multi_step", "STEPSIZE": 3}, "OPTIM.STEPSIZE is 3"),
])
def test_unknown_names_are_refused_with_the_nearest(change, sentence):
    node = options(**change)
    with pytest.raises(UserError, match=sentence):
        build_lr_scheduler(build_optimizer(parameters(), node), node)


def plain(value):
    if isinstance(value, dict):
        return all(plain(entry) for entry in value.values())
    if isinstance(value, (list, tuple)):
        return all(plain(entry) for entry in value)
    return value is None or isinstance(value, (bool, int, float, str))


@pytest.mark.parametrize("warmup", [None, "constant", "linear"])
@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("stop", [0, 1, 2, 3, 5])
def test_a_schedule_goes_on_from_its_state(name, warmup, stop):
    node = options(NAME="sgd", LR=0.1, LR_SCHEDULER=name, STEPSIZE=(2, 5) if name == "multi_step" else (2,),
                   MAX_EPOCH=8, WARMUP_EPOCH=2 if warmup else -1, WARMUP_TYPE=warmup or "linear")

    def build():
        optimizer = build_optimizer(parameters(), node)
        return optimizer, build_lr_scheduler(optimizer, node)

    def rates(optimizer, schedule, epochs):
        found = []
        for _ in range(epochs):
            optimizer.step()
            schedule.step()
            found.append(optimizer.param_groups[0]["lr"])
        return found

    optimizer, schedule = build()
    whole = rates(optimizer, schedule, 8)
    optimizer, schedule = build()
    rates(optimizer, schedule, stop)
    states = optimizer.state_dict(), schedule.state_dict()
    assert plain(states[1])
    optimizer, schedule = build()
    optimizer.load_state_dict(states[0])
    schedule.load_state_dict(states[1])
    assert rates(optimizer, schedule, 8 - stop) == whole[stop:]
