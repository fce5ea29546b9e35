"""Config defaults, files, log, meters, seeds: the helpers that repositories import."""
import io
import os
import random
import sys
import urllib.request

import numpy as np
import pytest
import torch
from dassl.config import clean_cfg, get_cfg_default
from dassl.utils import (
    AverageMeter,
    Logger,
    MetricMeter,
    check_availability,
    check_isfile,
    collect_env_info,
    count_num_param,
    download_url,
    get_most_similar_str_to_a_from_b,
    init_network_weights,
    listdir_nohidden,
    mkdir_if_missing,
    open_all_layers,
    open_specified_layers,
    read_image,
    read_json,
    set_random_seed,
    setup_logger,
    tolist_if_not,
    write_json,
)
from PIL import Image
from torch import nn

from compat.errors import DamagedFileError, UserError


def test_config_defaults_are_dassls():
    cfg = get_cfg_default()
    expected = {
        "VERSION": 1, "OUTPUT_DIR": "./output", "RESUME": "", "SEED": -1, "USE_CUDA": True, "VERBOSE": True,
        "INPUT.SIZE": (224, 224), "INPUT.INTERPOLATION": "bilinear", "INPUT.TRANSFORMS": (), "INPUT.CROP_PADDING": 4,
        "INPUT.PIXEL_MEAN": [0.485, 0.456, 0.406], "INPUT.RRCROP_SCALE": (0.08, 1.0), "INPUT.GB_K": 21,
        "DATASET.NUM_SHOTS": -1, "DATASET.VAL_PERCENT": 0.1, "DATALOADER.NUM_WORKERS": 4, "DATALOADER.K_TRANSFORMS": 1,
        "DATALOADER.TRAIN_X.SAMPLER": "RandomSampler", "DATALOADER.TRAIN_X.BATCH_SIZE": 32,
        "DATALOADER.TRAIN_U.SAME_AS_X": True, "DATALOADER.TRAIN_U.N_INS": 16, "DATALOADER.TEST.BATCH_SIZE": 32,
        "MODEL.BACKBONE.PRETRAINED": True, "MODEL.HEAD.HIDDEN_LAYERS": (), "OPTIM.NAME": "adam", "OPTIM.LR": 0.0003,
        "OPTIM.STEPSIZE": (-1,), "OPTIM.WARMUP_TYPE": "linear", "TRAIN.PRINT_FREQ": 10, "TRAIN.COUNT_ITER": "train_x",
        "TRAIN.CHECKPOINT_FREQ": 0, "TEST.SPLIT": "test", "TEST.FINAL_MODEL": "last_step", "TRAINER.NAME": "",
    }
    for key, value in expected.items():
        node = cfg
        for part in key.split("."):
            node = node[part]
        assert node == value and type(node) is type(value), key
    cfg.OPTIM.LR = 1.0
    assert get_cfg_default().OPTIM.LR == 0.0003  # a fresh one each time


def test_nodes_of_other_trainers_can_be_dropped():
    cfg = get_cfg_default()
    for name in ("COOP", "COCOOP"):
        cfg.TRAINER[name] = type(cfg)()
    clean_cfg(cfg, "CoOp")
    assert sorted(cfg.TRAINER) == ["COOP", "NAME"]


def test_unknown_names_are_refused_with_the_nearest():
    assert get_most_similar_str_to_a_from_b("vit", ["resnet", "ViT-B"]) == "ViT-B"
    assert get_most_similar_str_to_a_from_b("vit", []) == ""
    check_availability("a", ["a", "b"])
    with pytest.raises(UserError, match="name 'c' is unknown: choose one of a, b"):
        check_availability("c", ["a", "b"])


def test_json_is_written_whole_and_folders_are_made(tmp_path):
    path = str(tmp_path / "new" / "folder" / "a.json")
    write_json({"a": [1, 2]}, path)
    assert read_json(path) == {"a": [1, 2]} and os.listdir(os.path.dirname(path)) == ["a.json"]
    with pytest.raises(UserError, match="no file"):
        read_json(path + "x")
    with open(path, "w") as file:
        file.write("{")
    with pytest.raises(UserError, match="is not valid JSON"):
        read_json(path)
    with pytest.raises(TypeError):
        write_json({"a": object()}, path)
    assert os.listdir(os.path.dirname(path)) == ["a.json"]  # no torn file stays
    mkdir_if_missing(""), mkdir_if_missing(str(tmp_path / "x")), mkdir_if_missing(str(tmp_path / "x"))
    (tmp_path / ".hidden").write_text("")
    assert listdir_nohidden(str(tmp_path), sort=True) == ["new", "x"]
    assert check_isfile(path)
    with pytest.warns(UserWarning, match="there is no file"):
        assert not check_isfile(path + "x")


def test_a_download_is_complete_or_absent(tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"data")
    download_url(source.as_uri(), str(tmp_path / "to" / "copy"))
    assert (tmp_path / "to" / "copy").read_bytes() == b"data"
    with pytest.raises(OSError):
        download_url((tmp_path / "absent").as_uri(), str(tmp_path / "to" / "other"))
    assert os.listdir(tmp_path / "to") == ["copy"]


def test_a_download_that_ends_early_leaves_no_file(tmp_path, monkeypatch):
    class Answer(io.BytesIO):
        headers = {"Content-Length": "10"}

    monkeypatch.setattr(urllib.request, "urlopen", lambda url: Answer(b"half"))
    with pytest.raises(DamagedFileError, match="'http://there/a' gave 4 of 10 bytes: try again"):
        download_url("http://there/a", str(tmp_path / "a"))
    assert os.listdir(tmp_path) == []


def test_images_come_as_rgb(tmp_path):
    path = str(tmp_path / "grey.png")
    Image.new("L", (4, 3), 7).save(path)
    image = read_image(path)
    assert image.mode == "RGB" and image.size == (4, 3) and image.getpixel((0, 0)) == (7, 7, 7)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_truncated_image_is_named(tmp_path, suffix):
    path = tmp_path / f"half.{suffix}"
    Image.effect_noise((64, 64), 50).save(path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(DamagedFileError, match=r"cannot read image '.*/half\..*' \(.*truncated.*\): restore it"):
        read_image(str(path))


def test_what_is_printed_is_in_the_log_at_once(tmp_path, monkeypatch):
    terminal = io.StringIO()
    monkeypatch.setattr(sys, "stdout", terminal)
    setup_logger(str(tmp_path / "run"))
    print("first")
    assert (tmp_path / "run" / "log.txt").read_text() == "first\n"  # at once, not when the buffer is full
    setup_logger(str(tmp_path / "run"))
    print("second")
    first, second = sorted(os.listdir(tmp_path / "run"))
    assert (first, second[:8]) == ("log.txt", "log.txt-")
    assert (tmp_path / "run" / first).read_text() == "first\n" and (tmp_path / "run" / second).read_text() == "second\n"
    assert terminal.getvalue() == "first\nsecond\n" and not sys.stdout.isatty()
    setup_logger(str(tmp_path / "own.log"))
    print("third")
    sys.stdout.close()
    print("not in the file")
    assert (tmp_path / "own.log").read_text() == "third\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux that is always full")
def test_a_full_disk_ends_the_log_but_not_the_run(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    logger = Logger("/dev/full")
    logger.write("a\n")
    logger.write("b\n")
    assert logger.console.getvalue() == "a\nb\n"
    assert capsys.readouterr().err.count("the log '/dev/full' ends here: No space left on device") == 1


def test_meters_average():
    meter = AverageMeter()
    meter.update(1.0), meter.update(torch.tensor(4.0), n=2)
    assert (meter.val, meter.avg, meter.sum, meter.count) == (4.0, 3.0, 9.0, 3)
    smooth = AverageMeter(ema=True)
    smooth.update(1.0), smooth.update(2.0)
    assert smooth.avg == pytest.approx(1.1)
    meters = MetricMeter(delimiter=", ")
    meters.update({"loss": 1.0, "acc": torch.tensor([50.0])}), meters.update({"loss": 3.0}), meters.update(None)
    assert str(meters) == "loss 3.0000 (2.0000), acc 50.0000 (50.0000)"


def test_seeds_fix_all_random_numbers():
    def draw():
        set_random_seed(2**40 + 3)
        return random.random(), np.random.rand(), torch.rand(1).item()

    assert draw() == draw()


def test_the_environment_names_torch_and_single_values_become_lists():
    assert f"torch {torch.__version__}" in collect_env_info()
    assert tolist_if_not(1) == [1] and tolist_if_not([1]) == [1]


def test_only_opened_layers_learn():
    model = nn.Sequential()
    model.add_module("body", nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)))
    model.add_module("head", nn.Linear(3, 2))
    assert count_num_param(model) == 9 + 6 + 8 == count_num_param(params=[{"params": list(model.parameters())}])
    open_specified_layers(nn.DataParallel(model), "head")
    assert model.head.training and not model.body.training
    assert [p.requires_grad for p in model.parameters()] == [False] * 4 + [True] * 2
    with pytest.raises(UserError, match="no layer 'tail': choose of body, head"):
        open_specified_layers(model, ["tail"])
    open_all_layers(model)
    assert model.body.training and all(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("kind", ["normal", "xavier", "kaiming", "orthogonal"])
def test_initialisation_sets_weights_norms_and_biases(kind):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Linear(8, 8))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(5.0)
    init_network_weights(model, kind)
    assert model[1].weight.tolist() == [1] * 8
    for layer in model:
        assert layer.bias.tolist() == [0] * 8
    for layer in (model[0], model[2]):
        assert 0 < layer.weight.std() < 1 and layer.weight.abs().max() < 5
    with pytest.raises(UserError, match="init_type 'zeros' is unknown"):
        init_network_weights(model, "zeros")
