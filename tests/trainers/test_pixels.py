"""INPUT.NORMALIZE_ON_DEVICE through train.py: both steps and a test give the numbers of images normalised before."""
import json

import pytest
import torch
from small_run import call, make_room, words

NEW = ["DATASET.SUBSAMPLE_CLASSES", "new"]


def numbers(folder):
    """Losses, accuracy and prompts of a run."""
    epochs = [json.loads(line) for line in (folder / "training.jsonl").read_text().splitlines()]
    record = json.loads((folder / "results.jsonl").read_text().splitlines()[-1])
    context = torch.load(folder / "prompt_learner" / "model.pth.tar-1")["state_dict"]["ctx"]
    return [epoch["loss"] for epoch in epochs], record["accuracy"], context.tolist()


@pytest.mark.parametrize("labels", [("base", "train"), ("clip", "test")])
def test_both_steps_and_a_test(tmp_path, labels):
    found = []
    for on_device in (False, True):
        room = make_room(tmp_path / str(on_device))
        pairs = ["INPUT.NORMALIZE_ON_DEVICE", on_device, "MAO.PSEUDO_LABELS", labels[0], "MAO.PSEUDO_VIEW", labels[1]]
        runs = {"one": pairs, "two": [*pairs, *NEW, "MAO.BASE_DIR", room / "one", "OPTIM.LR", 0.1]}
        for output, own in runs.items():
            done = call(words(room, trainer="CoOp_MAO", output=output, pairs=own))
            assert done.code == 0, done
        found.append([numbers(room / output) for output in runs])
    assert found[0] == found[1]
