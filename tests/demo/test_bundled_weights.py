"""The committed small CLIP: loads strictly, is finite, keeps the rows it needs, and is a zero-shot classifier."""

import hashlib
import json

import clip
import pytest
import torch
from clip.model import CLIP

from demo import measure, text_tower, weights, zero_shot


@pytest.fixture(scope="module")
def assets(repository):
    return repository / "trainers" / "prompting" / "assets"


@pytest.fixture(scope="module")
def summary(assets):
    return json.loads((assets / "mini16.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def state(assets):
    return weights.load(assets / "mini16.npz")


@pytest.fixture(scope="module")
def model(state, summary):
    built = CLIP(**summary["sizes"])
    built.load_state_dict(state, strict=True)
    return built.eval()


def test_file_is_small_and_as_stated(assets, summary):
    data = (assets / "mini16.npz").read_bytes()
    assert len(data) < 8_000_000
    assert hashlib.sha256(data).hexdigest() == summary["sha256"]


def test_weights_are_finite_and_the_scale_is_soft(state):
    assert all(torch.isfinite(tensor).all() for tensor in state.values())
    assert state["logit_scale"].exp() <= 50


def test_needed_token_rows_are_there_and_the_others_are_zero(state, summary, repository):
    words = json.loads((repository / "demo" / "class_words.json").read_text(encoding="utf-8"))
    rows = state["token_embedding.weight"]
    needed = weights.used_tokens([*words, *text_tower.TEMPLATES])
    assert (rows[needed].abs().sum(dim=1) > 0).all()
    assert int((rows.abs().sum(dim=1) > 0).sum()) == summary["token_rows_kept"] < len(rows) / 5


def test_trained_on_the_committed_pictograms_archive_left_out(summary, repository):
    data = (repository / "datasets" / "pictograms" / "pictograms.zip").read_bytes()
    assert hashlib.sha256(data).hexdigest() == summary["pictograms_sha256"]


def test_truncated_text_encoding_is_exact(model):
    tokens = clip.tokenize(["a pictogram of a castle.", "X X X X shopping cart."])
    with torch.no_grad():
        torch.testing.assert_close(text_tower.encode(model, tokens), model.encode_text(tokens), atol=1e-5, rtol=1e-5)


def test_zero_shot_accuracy(model, summary, repository):
    test = zero_shot.load_split(repository / "datasets" / "pictograms" / "pictograms.zip", "test")
    measured = zero_shot.accuracies(model, *test, "a pictogram of a {}.")
    assert measured["all"] >= 67.6  # of the weights before, which training crops broke
    stated = summary["zero_shot_test"]["a pictogram of a {}."]
    assert measured == pytest.approx(stated, abs=0.2)  # another CPU may round a borderline image differently


def test_what_training_does_to_images_costs_at_most_five_points(model):
    images, labels, names = measure.images_of("train")
    plain, cropped = (zero_shot.of_features(model, measure.features(model, view), labels, names, measure.DEFAULT)["all"]
                      for view in (images, measure.as_in_training(images, 0.5)))
    assert plain - cropped <= 5
