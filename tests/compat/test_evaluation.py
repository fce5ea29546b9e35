"""The classification evaluator: recorded numbers, counts, what it prints, and its errors."""
import json
import re

import numpy as np
import pytest
import torch
from dassl.config import get_cfg_default
from dassl.evaluation import Classification, EvaluatorBase, build_evaluator
from dassl.metrics import compute_accuracy
from paths import GOLDEN_DIR

from compat.errors import UserError


def golden_cases():
    with np.load(GOLDEN_DIR / "evaluator.npz", allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    meta = json.loads(str(arrays["meta"]))
    return [({key[: -len(f"_{k}")]: value for key, value in arrays.items() if key.endswith(f"_{k}")}, meta["batch"])
            for k in range(meta["n"])]


def evaluator_for(names, **test_options):
    """Evaluator of classes given by a dict of names or by their number."""
    names = names if isinstance(names, dict) else {k: f"c{k}" for k in range(names)}
    cfg = get_cfg_default()
    for key, value in test_options.items():
        cfg.TEST[key] = value
    cfg.VERBOSE = False
    return build_evaluator(cfg, lab2cname=names)


def numbers(line):
    return [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\.?\d*", line)]


@pytest.mark.parametrize("case, batch", golden_cases())
def test_golden_evaluator(case, batch, capsys):
    logits, labels = torch.from_numpy(case["logits"]), torch.from_numpy(case["labels"])
    names = {int(label): name for label, name in re.findall(r"class: (\d+) \((.*?)\)\t", str(case["printed"]))}
    evaluator = evaluator_for(names, PER_CLASS_RESULT=True)
    for start in range(0, len(labels), batch):
        evaluator.process(logits[start:start + batch], labels[start:start + batch])
    results = evaluator.evaluate()
    assert evaluator._y_pred == case["predictions"].tolist() and evaluator._y_true == labels.tolist()
    for key in ("accuracy", "error_rate", "macro_f1", "perclass_accuracy"):
        assert results[key] == pytest.approx(float(case[key]), rel=1e-12, abs=1e-12), key
    assert list(results)[0] == "accuracy"

    found, recorded = capsys.readouterr().out.strip().splitlines(), str(case["printed"]).strip().splitlines()
    assert len(found) == len(recorded)
    for line, expected in zip(found, recorded):  # one more decimal here, so numbers may differ by a rounding
        assert re.sub(r"[\d.]+%", "", line) == re.sub(r"[\d.]+%", "", expected)
        assert numbers(line) == pytest.approx(numbers(expected), abs=0.0551)


def test_precision_and_recall_are_means_over_the_classes_that_occur():
    evaluator = evaluator_for(5)
    predicted, true = [0, 0, 1, 2, 4, 0], [0, 1, 1, 0, 0, 2]  # 3 neither occurs nor is predicted, 4 does not occur
    evaluator.process(torch.eye(5)[predicted], torch.tensor(true))
    results = evaluator.evaluate()
    assert results["macro_precision"] == pytest.approx(100 * (1 / 3 + 1 + 0) / 3)  # of 0, 1 and 2
    assert results["macro_recall"] == pytest.approx(100 * (1 / 3 + 1 / 2 + 0) / 3)


def test_a_logit_that_is_not_a_number_predicts_nothing():
    evaluator = evaluator_for(2)
    with pytest.raises(UserError, match="a logit is not a number"):
        evaluator.process(torch.tensor([[1.0, float("nan")]]), torch.tensor([0]))
    evaluator.process(torch.tensor([[1.0, float("-inf")]]), torch.tensor([0]))  # a class that was masked out
    assert evaluator.evaluate()["accuracy"] == 100.0


def test_counts_are_whole_numbers_and_accuracy_has_two_decimals(capsys):
    evaluator = evaluator_for(2)
    evaluator.process(torch.eye(2).repeat(1500, 1), torch.tensor([0, 0]).repeat(1500))
    evaluator.process(torch.tensor([[0.5, 0.5]]), torch.tensor([0]))  # a tie goes to the first
    results = evaluator.evaluate()
    assert (type(evaluator._correct), evaluator._correct) == (int, 1501)
    assert (type(evaluator._total), evaluator._total) == (int, 3001)
    assert results["accuracy"] == 100 * 1501 / 3001
    printed = capsys.readouterr().out
    assert "* total: 3,001\n" in printed and "* accuracy: 50.02%" in printed
    evaluator.reset()
    assert evaluator._total == 0


def test_ties_go_to_the_first_in_every_precision():
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        evaluator = evaluator_for(40)
        evaluator.process(torch.zeros(3, 40, dtype=dtype), torch.tensor([0, 1, 0]))
        assert evaluator._correct == 2 and evaluator._y_pred == [0, 0, 0]


def test_the_rows_of_the_confusion_matrix_add_up_to_one(tmp_path):
    cfg = get_cfg_default()
    cfg.TEST.COMPUTE_CMAT, cfg.OUTPUT_DIR = True, str(tmp_path / "out")
    evaluator = Classification(cfg)
    evaluator.process(torch.tensor([[1.0, 0], [1, 0], [0, 1], [0, 1]]), torch.tensor([0, 1, 1, 1]))
    evaluator.evaluate()
    matrix = torch.load(tmp_path / "out" / "cmat.pt", weights_only=True)
    assert torch.allclose(matrix, torch.tensor([[1, 0], [1 / 3, 2 / 3]], dtype=torch.float64))


def test_confusion_matrix_has_a_row_and_a_column_for_each_class_whether_it_occurs_or_not(tmp_path):
    cfg = get_cfg_default()
    cfg.TEST.COMPUTE_CMAT, cfg.OUTPUT_DIR = True, str(tmp_path)
    evaluator = Classification(cfg)
    evaluator.process(torch.eye(5)[[1, 3]], torch.tensor([1, 1]))
    evaluator.evaluate()
    expected = torch.zeros(5, 5, dtype=torch.float64)
    expected[1, [1, 3]] = 0.5
    assert torch.equal(torch.load(tmp_path / "cmat.pt", weights_only=True), expected)


def test_macro_f1_is_the_mean_over_the_classes_that_occur():
    evaluator = evaluator_for(5)
    evaluator.process(torch.eye(5)[[0, 0, 1, 3, 2]], torch.tensor([0, 0, 0, 1, 2]))
    # class 0: 2 hits of 3 images and 2 taken for it; class 1: no hit; class 2: one of one; 3 and 4 do not occur
    assert evaluator.evaluate()["macro_f1"] == pytest.approx(100 * (4 / 5 + 0 + 1) / 3, rel=1e-12)


def test_an_empty_split_and_an_unknown_evaluator_are_refused():
    with pytest.raises(UserError, match="nothing to evaluate"):
        evaluator_for(2).evaluate()
    with pytest.raises(UserError, match="TEST.EVALUATOR 'Clasification' is unknown.*did you mean 'Classification'"):
        evaluator_for(2, EVALUATOR="Clasification")
    assert issubclass(Classification, EvaluatorBase)


def test_top_k_accuracy_counts_the_k_highest_scores():
    scores = torch.tensor([[0.1, 0.5, 0.4], [0.6, 0.3, 0.1], [0.2, 0.3, 0.5], [0.5, 0.2, 0.3]])
    labels = torch.tensor([2, 0, 0, 1])
    first, second, third = compute_accuracy(scores, labels, topk=(1, 2, 3))
    assert (first.item(), second.item(), third.item()) == (25.0, 50.0, 100.0)
    assert first.shape == (1,)
