"""Training the small CLIP: styles turn vectors, and a stage that was stopped goes on to the same weights."""
import dataclasses
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from clip.model import CLIP

from demo import augmentation, image_tower, styles, text_tower
from demo.mini_clip import SIZES
from demo.pretraining_data import PretrainingData


@pytest.fixture(scope="module")
def data():
    """Four squares and four frames, by their captions."""
    images = np.full((8, 64, 64), 255, dtype=np.uint8)
    for index in range(8):
        images[index, 8 + index:56 - index, 12:52] = 0
        if index >= 4:
            images[index, 12 + index:52 - index, 16:48] = 255
    return PretrainingData(images, np.array([0] * 4 + [1] * 4), [["square"], ["frame"]])


def test_a_style_turns_every_vector_by_its_angle():
    vectors = F.normalize(torch.randn(5, 16, generator=torch.Generator().manual_seed(0)), dim=1)
    for style, whole, half in zip(styles.STYLES.values(), styles.turns(16), styles.turns(16, 0.5), strict=True):
        cosines = ((vectors @ whole.t()) * vectors).sum(dim=1)
        torch.testing.assert_close(cosines, torch.full((5,), math.cos(math.radians(style.degrees))))
        torch.testing.assert_close(half @ half, whole, atol=1e-5, rtol=0)


def test_every_style_word_is_one_token():
    assert all(text_tower.clip.tokenize(style.word)[0].argmax() == 2 for style in styles.STYLES.values())


def test_areas_are_told_from_lines(data):
    assert augmentation.is_filled(torch.from_numpy(data.images)).tolist() == [True] * 4 + [False] * 4


def test_images_come_in_their_styles(data):
    ink = (255 - torch.from_numpy(data.images)).repeat(100, 1, 1)
    filled = torch.tensor([True] * 4 + [False] * 4).repeat(100)
    images, style = augmentation.in_styles(ink, filled, torch.Generator().manual_seed(0))
    levels = (images * augmentation.STD + augmentation.MEAN).mean(dim=(1, 2, 3))
    for name, share in augmentation.STYLE_SHARES.items():
        assert (style == styles.INDEX[name]).float().mean().item() == pytest.approx(share, abs=0.05)
    assert levels[style == styles.INDEX["chalk"]].max() < 0.5 < levels[style == styles.INDEX["contour"]].min()
    assert filled[style == styles.INDEX["filled"]].all() and not filled[style == styles.INDEX["outline"]].any()


def test_crops_show_parts_of_the_icon():
    views = augmentation.cropped_views(2000, torch.Generator().manual_seed(0))
    area = torch.linalg.det(views[:, :, :2]).abs()
    assert 0.40 < area.min() < 0.45 and 0.70 < (area < 1).float().mean() < 0.85
    assert (views[:, 0, 0] < 0).float().mean().item() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("stage", image_tower.STAGES, ids=lambda stage: stage.name)
def test_a_stopped_stage_goes_on_to_the_same_weights(stage, data, tmp_path, monkeypatch):
    monkeypatch.setattr(image_tower, "BATCH_SIZE", 4)
    monkeypatch.setattr(image_tower, "SAVED_EVERY", 1)
    short = dataclasses.replace(stage, samples=12, horizon=12, copies=2)
    validation = torch.from_numpy(data.images), torch.from_numpy(data.captions)

    def train(state, keep=image_tower.keep):
        torch.manual_seed(0)
        model = image_tower.CaptionClassifier(torch.nn.Sequential(
            torch.nn.Conv2d(3, 4, 8, 8), torch.nn.Flatten(), torch.nn.Linear(256, 6)), 2, 6)
        monkeypatch.setattr(image_tower, "keep", keep)
        image_tower.train(model, data, short, tmp_path / state, seed=3, class_captions=torch.tensor([0]),
                          validation=validation, log=lambda line: None)
        return model

    def stopped(*args, own=image_tower.keep):
        own(*args)
        raise KeyboardInterrupt

    whole = train("whole.pt")
    with pytest.raises(KeyboardInterrupt):
        train("stopped.pt", keep=stopped)
    resumed = train("stopped.pt")
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_a_blended_context_ends_at_the_style_word():
    torch.manual_seed(0)
    model = CLIP(**SIZES)
    plain, named = (text_tower.embed(model, text_tower.clip.tokenize(text)) for text in ("a cat", "chalk cat"))
    style = styles.STYLES["chalk"]
    torch.testing.assert_close(text_tower.blend(model, plain, style, 1, 1.0), named)
    torch.testing.assert_close(text_tower.blend(model, plain, style, 1, 0.0), plain)
