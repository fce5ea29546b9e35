"""MAO's own mathematics, against numbers recorded from the released code."""
import json
import random

import numpy as np
import pytest
import torch
from recordings import Recording, assert_close, names, recordings

from trainers.mao.candidates import candidate_targets, select_candidates
from trainers.mao.hard_negatives import compose_labels, hard_negative_table

BASE = recordings("mao_base*.npz")
COMPOSITIONS = recordings("mao_hard_negatives*.json")


def test_golden_recordings_of_mao_are_there():
    assert BASE and COMPOSITIONS


@pytest.mark.parametrize("path", BASE, ids=names(BASE))
def test_golden_mao_candidate_cross_entropy(path):
    record = Recording(path)
    labels = record["labels_0"]
    logits = select_candidates(record["train_logits"], labels, dim=1)
    targets = candidate_targets(labels)
    assert_close(logits, record["ce_logits"], 1e-3, "candidate logits")
    assert torch.equal(targets, record["ce_targets"])
    loss = torch.nn.functional.cross_entropy(logits, targets)
    assert_close(loss, record["term_ce"], 2e-4, "cross-entropy")
    # The same from per-class features, the form in which the restriction reaches a host's prompts.
    scale = record["ce_logits"][0, 0] / (record["train_image_features"][0] @ record["train_text_features"][labels[0]])
    text = select_candidates(record["train_text_features"], labels)
    assert_close(scale * record["train_image_features"] @ text.t(), record["ce_logits"], 1e-3, "from features")
    for k, batch in enumerate(record.batches()):
        assert torch.equal(candidate_targets(batch["label"]), record[f"runB_ce_targets_{k}"])


def compositions():
    for path in COMPOSITIONS:
        for case in json.loads(path.read_text())["cases"]:
            yield pytest.param(path, case, id=f"{path.stem}-{case['matrix']}-K{case['K']}-{case['python_random_seed']}")


@pytest.mark.parametrize("path, case", compositions())
def test_golden_mao_hard_negatives(path, case):
    with np.load(path.with_suffix(".npz")) as arrays:
        classes = torch.from_numpy(arrays[f"class_embeddings/{case['matrix']}"])
        anchors = torch.from_numpy(arrays[f"anchor_embeddings/{case['matrix']}"])
    normalize = torch.nn.functional.normalize
    similarity = normalize(anchors) @ normalize(classes).t()
    if case["K"] > len(classes):  # the released code fails here
        assert case["status"] == "error"
        with pytest.warns(UserWarning, match="using"):
            table = hard_negative_table(similarity, case["K"])
        assert all(len(row) == len(classes) - 1 for row in table)
        return
    table = hard_negative_table(similarity, case["K"])
    added = compose_labels(case["anchors"], table, random.Random(0))
    labels = [label for anchor, negatives in zip(case["anchors"], added) for label in (anchor, *negatives)]
    if case["status"] == "ok" and not case["fill_triggered"]:
        assert labels == case["labels"]
        return
    # Random fill: the draws are our own, what is chosen before the first of them is not.
    for anchor, negatives, expected in zip(case["anchors"], added, case.get("per_anchor", ())):
        filled = expected["fill_draws"]
        chosen = [n for n in expected["negatives"] if n not in filled]
        assert negatives[:len(chosen)] == chosen
        if filled:
            break
    assert len(labels) == len(set(labels)) + len(case["anchors"]) - len(set(case["anchors"]))
