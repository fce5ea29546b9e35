"""The original formulation that ours is measured against computes the same."""
import json

import pytest
import torch

from benchmarks import against_originals, flops, new_step
from trainers.prompting import encoders

TINY = ["--classes", "8", "--images", "4", "--layers", "2", "--width", "128", "--text-width", "64", "--side", "32",
        "--steps", "1"]


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch, tmp_path):
    """What the original formulation changes in its process is put back."""
    monkeypatch.setenv("MAO_CACHE", str(tmp_path))
    monkeypatch.setattr(encoders, "_class_token", encoders._class_token)


@pytest.mark.parametrize("method", ["CoOp_MAO", "MaPLe_MAO", "PromptSRC_MAO"])
def test_both_formulations_have_the_same_loss(method):
    losses = []
    for formulation in against_originals.FORMULATIONS[::-1]:
        with against_originals.built(method, formulation, against_originals.parse_arguments(TINY)) as trainer:
            trainer.batch_idx, trainer.num_batches = 0, 2
            trainer.model_backward_and_update = losses.append
            images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
            trainer.forward_backward({"img": images, "label": torch.tensor([5, 0, 5, 7])})
    torch.testing.assert_close(*losses, rtol=1e-4, atol=1e-4)


def test_both_formulations_are_measured(capsys, monkeypatch):
    monkeypatch.setattr(against_originals, "in_own_process", lambda function, *args: ([0.5], 100.0))
    assert against_originals.main([*TINY, "--methods", "text"]) == 0
    printed = capsys.readouterr()
    *records, _, row = printed.out.splitlines()
    assert printed.err.splitlines() == ["1/2 text original: 0.500 s, 100 MB", "2/2 text ours: 0.500 s, 100 MB"]
    assert [json.loads(line)["formulation"] for line in records] == ["original", "ours"]
    assert row.split() == ["text", "0.500", "0.500", "1.0", "100", "100"]


def test_a_step_takes_few_more_operations_than_it_needs(capsys, monkeypatch):
    class_token = encoders._class_token

    def in_this_process(function, *args):
        encoders._class_token = class_token
        return function(*args)

    monkeypatch.setattr(flops, "in_own_process", in_this_process)
    assert flops.main(["--images", "32", "--classes", "40", *TINY[4:], "--layers", "4"]) == 0
    _, *rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows] == ["CoOp", "MaPLe", "PromptSRC"]
    assert all(1 <= float(row.split()[-1]) <= 1.15 for row in rows)


@pytest.mark.parametrize("view, encodings", [("train", 2), ("test", 1)])
def test_step_two_is_measured_beside_its_backbone(capsys, monkeypatch, view, encodings):
    images = []
    forward = encoders.ImageEncoder.forward
    monkeypatch.setattr(encoders.ImageEncoder, "forward", lambda self, image, *args: images.append(len(image))
                        or forward(self, image, *args))
    monkeypatch.setattr(new_step, "in_own_process", lambda function, *args: function(*args))
    assert new_step.main([*TINY, "--methods", "MaPLe", "--views", view]) == 0
    record, _, row = capsys.readouterr().out.splitlines()
    assert json.loads(record)["view"] == view and row.split()[:2] == ["MaPLe", view]
    steps = new_step.NOT_COUNTED + 1
    assert images.count(4) == steps * (1 + encodings) and images.count(1) == (view == "test")
