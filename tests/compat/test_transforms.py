"""Image transforms: recorded pixels, every choice, the order, and what is refused."""
import json

import numpy as np
import PIL
import pytest
import torch
from dassl.config import get_cfg_default
from dassl.data.transforms import AVAI_CHOICES, INTERPOLATION_MODES, build_transform
from dassl.data.transforms.on_device import NormalizeOnDevice
from dassl.data.transforms.transforms import Cutout, GaussianNoise, InstanceNormalization, Random2DTranslation
from PIL import Image

from compat.errors import UserError


def config(size=(32, 32), choices=("normalize",), **changes):
    cfg = get_cfg_default()
    cfg.VERBOSE = False
    cfg.INPUT.SIZE, cfg.INPUT.TRANSFORMS = size, choices
    for key, value in changes.items():
        cfg.INPUT[key] = value
    return cfg


def picture(height=40, width=60):
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def test_golden_transforms(golden_dir):
    with np.load(golden_dir / "transforms.npz", allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    meta = json.loads(str(arrays["meta"]))
    lists = [json.loads("[" + text.split("]")[0] + "]") for text in str(arrays["printed"]).split("=[")[1:3]]
    cfg = config((meta["size"],) * 2, ("random_resized_crop", "random_flip", "normalize"), INTERPOLATION="bicubic",
                 PIXEL_MEAN=lists[0], PIXEL_STD=lists[1])
    train, test = build_transform(cfg, is_train=True), build_transform(cfg, is_train=False)
    # Pillow rounds differently when it resizes, from one major version to the next: a few grey levels in a few pixels.
    recorded_with = json.loads(str(arrays["versions"]))["pillow"]
    same = PIL.__version__.split(".")[0] == recorded_with.split(".")[0]

    def compare(found, expected):
        difference = np.abs(found.numpy() - expected)
        assert difference.max() <= (1e-6 if same else 0.3) and difference.mean() <= (1e-6 if same else 0.01)

    compared = 0
    for k in range(meta["n"]):
        image = Image.fromarray(arrays[f"image_{k}"])
        compare(test(image), arrays[f"test_{k}"])
        for seed in meta["torch_seeds"]:
            torch.manual_seed(seed)
            for call in ("", "_second_call"):
                compare(train(image), arrays[f"train_{k}_seed{seed}{call}"])
                compared += 1
    assert compared == 2 * meta["n"] * len(meta["torch_seeds"]) > 0


@pytest.mark.parametrize("choice", AVAI_CHOICES)
def test_every_choice_gives_an_image_of_the_size(choice):
    size = (24, 20)
    transform = build_transform(config(size, (choice,)), is_train=True)
    for seed in range(3):
        torch.manual_seed(seed)
        image = transform(picture())
        assert image.shape == (3, *size) and image.dtype == torch.float32 and torch.isfinite(image).all()


@pytest.mark.parametrize("mode", INTERPOLATION_MODES)
def test_every_interpolation_gives_an_image_of_the_size(mode):
    assert build_transform(config(INTERPOLATION=mode), is_train=False)(picture()).shape == (3, 32, 32)


def test_test_transform_resizes_the_short_side_to_the_longer_size_then_crops():
    image = Image.new("RGB", (300, 100))
    image.paste((255, 255, 255), (100, 0, 200, 100))  # a white square in the middle
    out = build_transform(config((30, 20), ()), is_train=False)(image)
    assert out.shape == (3, 30, 20) and out.min() == 1


def test_the_order_is_fixed_whatever_the_order_of_the_config():
    one = build_transform(config(choices=("normalize", "random_flip", "random_resized_crop")), is_train=True)
    other = build_transform(config(choices=("random_resized_crop", "normalize", "random_flip")), is_train=True)
    torch.manual_seed(3)
    first = one(picture())
    torch.manual_seed(3)
    assert torch.equal(first, other(picture()))


@pytest.mark.parametrize("is_train", [True, False])
@pytest.mark.parametrize("choices", [("random_flip", "normalize"), ("random_resized_crop",)])
def test_images_normalised_on_the_device_are_those_normalised_before(is_train, choices):
    cfg = config(choices=choices)
    torch.manual_seed(0)
    expected = build_transform(cfg, is_train)(picture())
    cfg.INPUT.NORMALIZE_ON_DEVICE = True
    torch.manual_seed(0)
    found = build_transform(cfg, is_train)(picture())
    assert found.dtype is torch.uint8 and found.shape == expected.shape
    on_device = NormalizeOnDevice(cfg.INPUT, torch.device("cpu"))
    assert torch.equal(on_device(found), expected) and found.dtype is torch.uint8
    views = on_device([found, expected])  # what has been normalised stays as it is
    assert torch.equal(views[0], expected) and views[1] is expected and on_device("a.png") == "a.png"
    mean = "0.485" if "normalize" in choices else "0.0"
    assert f"ToPixels(mean=[{mean}, " in repr(build_transform(cfg, is_train))  # features of images are kept by it


@pytest.mark.parametrize("choice", ["cutout", "gaussian_noise", "instance_norm"])
def test_what_needs_numbers_is_refused_with_normalisation_on_the_device(choice):
    with pytest.raises(UserError, match=f"NORMALIZE_ON_DEVICE leaves images in uint8, which {choice} cannot change"):
        build_transform(config(choices=("normalize", choice), NORMALIZE_ON_DEVICE=True))


def test_no_transform_is_none_and_unknown_names_are_refused():
    assert build_transform(config(NO_TRANSFORM=True)) is None
    with pytest.raises(UserError, match="INPUT.TRANSFORMS 'random_flop' is unknown.*did you mean 'random_flip'"):
        build_transform(config(choices=("random_flop",)))
    with pytest.raises(UserError, match="INPUT.INTERPOLATION 'cubic' is unknown"):
        build_transform(config(INTERPOLATION="cubic"))


def test_own_augmentations_change_what_they_say():
    torch.manual_seed(0)
    ones = torch.ones(3, 20, 20)
    hole = Cutout(n_holes=1, length=6)(ones)
    assert 0 < int((hole[0] == 0).sum()) <= 36 and torch.equal(hole[0], hole[2]) and ones.min() == 1
    noisy = GaussianNoise(mean=1.0, std=0.1, p=1.0)(torch.zeros(3, 50, 50))
    assert noisy.mean().item() == pytest.approx(1, abs=0.01) and noisy.std().item() == pytest.approx(0.1, abs=0.01)
    assert torch.equal(GaussianNoise(p=0.0)(ones), ones)
    normal = InstanceNormalization()(torch.rand(3, 30, 30) * 5 + 2)
    assert torch.allclose(normal.mean(dim=(1, 2)), torch.zeros(3), atol=1e-5)
    assert torch.allclose(normal.std(dim=(1, 2)), torch.ones(3), atol=1e-5)
    crops = {Random2DTranslation(16, 16, p=1.0)(picture()).tobytes() for _ in range(5)}
    assert len(crops) > 1
