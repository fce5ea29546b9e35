"""The benchmark of a GPU, as far as it goes without one."""
import argparse

import pytest
import torch
from pretended_gpu import on_a_pretended_gpu, precision_of_a_gpu

from benchmarks import against_originals, gpu, precisions
from trainers.prompting import encoders

TINY = ["--images", "4", "--layers", "2", "--width", "128", "--text-width", "64", "--side", "32", "--steps", "1"]


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch, tmp_path):
    """What the original formulation changes in its process is put back."""
    monkeypatch.setenv("MAO_CACHE", str(tmp_path))
    monkeypatch.setattr(encoders, "_class_token", encoders._class_token)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_there_is_one_sentence(capsys):
    assert gpu.main([]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("error: this benchmark measures a CUDA GPU")
    assert said.err.count("\n") == 1


def test_table_has_a_line_for_each_method_and_number_of_classes(capsys, monkeypatch):
    """Measured on the CPU, at a tiny size."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(gpu, "in_own_process", lambda function, *args: function(*args))
    options = gpu.parse_arguments([*TINY, "--methods", "CoOp_MAO", "--classes", "6", "--workers", "0",
                                   "--test-images", "2", "--matrix", "32"])
    gpu.table_of(options)
    *records, evaluation, _, _, row = capsys.readouterr().out.splitlines()
    assert len(records) == 2 and all('"peak_mb": ' in record for record in records)
    assert '"share_of_matrix": ' in evaluation
    assert row.startswith("| CoOp_MAO | 6 | ") and row.endswith(" % |")


@pytest.mark.parametrize("method", ["CoOp_MAO", "MaPLe_MAO", "PromptSRC"])
def test_original_formulation_agrees_in_device_and_dtype_on_a_gpu(method):
    options = argparse.Namespace(**{**vars(gpu.parse_arguments(TINY)), "classes": 6})
    with precision_of_a_gpu(), against_originals.built(method, "original", options, "auto") as trainer:
        trainer.batch_idx, trainer.num_batches = 0, 2
        trainer.set_model_mode("train")
        batch = {"img": torch.randn(4, 3, 32, 32), "label": torch.tensor([5, 0, 5, 1])}
        with on_a_pretended_gpu(trainer):
            assert trainer.model.dtype is torch.float16
            against_originals.step_of(method, "original", trainer)(batch)


def test_precisions_are_compared_with_the_first(capsys, monkeypatch):
    monkeypatch.setattr(precisions, "in_own_process", lambda function, *args: function(*args))
    assert precisions.main([*TINY, "--classes", "6", "--rounds", "1", "--precisions", "fp32", "bf16"]) == 0
    cpu, _, *rows = capsys.readouterr().out.splitlines()
    assert ": " in cpu
    assert [row.split()[:2] for row in rows] == [[method, precision] for method in ("CoOp_MAO", "evaluation")
                                                 for precision in ("fp32", "bf16")]
    assert rows[0].split()[3] == rows[2].split()[3] == "1.00"
